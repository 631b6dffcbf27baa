//! Are certificate, key, authority and tokens fit to be used, and kept from others?

use super::{Check, Verdict};
use crate::config::Config;
use tombolo_backend_remote::server::{Credentials, Files, UnfitFile};

/// One check for each kind of file, so that the first that is wrong does not hide the others.
pub fn checks(config: &Config) -> Vec<Check> {
    let files = config.files();
    let tls = files.certificate.is_some().then(|| Files {
        tokens: None,
        ..files.clone()
    });
    let tokens = files.tokens.is_some().then(|| Files {
        tokens: files.tokens.clone(),
        ..Files::default()
    });
    let tls = match tls {
        Some(files) => verdict(files, "certificate, key and authority can be used"),
        None => Verdict::failed(
            "there is no tls in the configuration",
            "add tls.certificate and tls.key; without them `serve --plain` serves loopback only",
        ),
    };
    let mut checks = vec![Check {
        name: "tls",
        verdict: tls,
    }];
    checks.extend(tokens.map(|files| Check {
        name: "tokens",
        verdict: verdict(files, "can be used"),
    }));
    checks
}

fn verdict(files: Files, good: &str) -> Verdict {
    let Err(unfit) = Credentials::read(files) else {
        return Verdict::Passed(good.to_owned());
    };
    let mend = match &unfit {
        UnfitFile::Unreadable { .. } => "check the path, and that the user of the service may read it",
        UnfitFile::ForEverybody(_) => "chmod o= it",
        UnfitFile::Tokens(_) => "write one token a line: head -c 32 /dev/urandom | base64",
        UnfitFile::Tls(_) => "write PEM files: the certificate with its chain, and the key that belongs to it",
    };
    Verdict::failed(unfit.to_string(), mend)
}
