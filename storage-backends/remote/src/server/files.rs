//! The files that certificates, keys and tokens are in, looked at again and again: whoever rotates them tells nobody.
//!
//! They are compared by content, because a Secret that is mounted is changed by renaming a link far above the file. What is
//! new and cannot be used is said, counted, and not used: what was there before goes on.

use super::callers::Callers;
use super::counts::Counts;
use super::tls::{Security, UnfitTls, config};
use super::tokens::{InvalidTokens, Tokens};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest file that is read: a long chain of certificates has a tenth of it.
const LONGEST: u64 = 256 << 10;

/// Where the credentials are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// The server's certificate, with its chain, and its key; without them there is no TLS.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Certificates of the authority whose clients are let in.
    pub client_authority: Option<PathBuf>,
    /// Tokens with which clients are let in.
    pub tokens: Option<PathBuf>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnfitFile {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Others on this host can read a secret.
    #[error("{0} can be read by everybody on this host; take that right away (chmod o=)")]
    ForEverybody(PathBuf),
    /// It has no tokens.
    #[error("the tokens: {0}")]
    Tokens(#[from] InvalidTokens),
    /// It has no credentials of a server.
    #[error(transparent)]
    Tls(#[from] UnfitTls),
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Option<(Vec<u8>, Vec<u8>)>,
    client_authority: Option<Vec<u8>>,
    tokens: Option<Vec<u8>>,
}

/// Credentials in use, and the files that they are from.
pub struct Credentials {
    files: Files,
    contents: Contents,
    /// Who may call.
    pub callers: Arc<Callers>,
    /// What connections are accepted with.
    pub security: Security,
}

impl Credentials {
    /// Reads the files.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn read(files: Files) -> Result<Self, UnfitFile> {
        let contents = files.contents()?;
        let (tokens, tls) = contents.parse()?;
        Ok(Self {
            files,
            contents,
            callers: Arc::new(Callers::new(tokens)),
            security: tls.map_or(Security::Plain, Security::tls),
        })
    }

    /// Reads the files again, and uses what is new. Whether there was something.
    ///
    /// # Errors
    /// If one of them cannot be used; all stays as it was.
    pub fn refresh(&mut self) -> Result<bool, UnfitFile> {
        let contents = self.files.contents()?;
        if contents == self.contents {
            return Ok(false);
        }
        let (tokens, tls) = contents.parse()?;
        self.callers.replace(tokens);
        if let Some(tls) = tls {
            self.security.replace(tls);
        }
        self.contents = contents;
        Ok(true)
    }

    /// Looks at the files for ever.
    pub async fn keep(mut self, every: Duration, counts: Counts) {
        let mut said = String::new();
        loop {
            tokio::time::sleep(every).await;
            // A few small files, but perhaps on a disk that hangs.
            let looked = tokio::task::spawn_blocking(move || (self.refresh(), self)).await;
            let Ok((found, credentials)) = looked else {
                tracing::error!("the credentials are not looked at any more");
                return;
            };
            self = credentials;
            let complaint = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
            match found {
                Ok(true) => tracing::info!("new credentials are in use"),
                Ok(false) => {}
                Err(_) if complaint == said => {}
                Err(_) => {
                    counts.unfit_file();
                    tracing::error!("new credentials cannot be used, the former stay in use: {complaint}");
                }
            }
            said = complaint;
        }
    }
}

impl Files {
    fn contents(&self) -> Result<Contents, UnfitFile> {
        let pair = |(certificate, key): &(PathBuf, PathBuf)| Ok::<_, UnfitFile>((read(certificate)?, secret(key)?));
        Ok(Contents {
            certificate: self.certificate.as_ref().map(pair).transpose()?,
            client_authority: self.client_authority.as_deref().map(read).transpose()?,
            tokens: self.tokens.as_deref().map(secret).transpose()?,
        })
    }
}

impl Contents {
    #[allow(
        clippy::type_complexity,
        reason = "two values, used in the two lines after each call"
    )]
    fn parse(&self) -> Result<(Tokens, Option<Arc<rustls::ServerConfig>>), UnfitFile> {
        let tokens = match &self.tokens {
            Some(bytes) => Tokens::parse(&String::from_utf8_lossy(bytes))?,
            None => Tokens::default(),
        };
        let tls = match &self.certificate {
            Some((certificate, key)) => Some(config(certificate, key, self.client_authority.as_deref())?),
            None => None,
        };
        Ok((tokens, tls))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, UnfitFile> {
    let unreadable = |error| UnfitFile::Unreadable {
        path: path.to_owned(),
        error,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn secret(path: &Path) -> Result<Vec<u8>, UnfitFile> {
    let bytes = read(path)?;
    let mode = std::fs::metadata(path).map(|found| found.permissions().mode());
    match mode {
        Ok(mode) if mode & 0o007 == 0 => Ok(bytes),
        _ => Err(UnfitFile::ForEverybody(path.to_owned())),
    }
}
