//! The certificates of one cluster: an authority, the API server's certificate, and client certificates.
//!
//! They are made once per cluster and kept with its state, so that a restarted server is trusted by the same kubeconfig.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// Where the certificates are.
#[derive(Debug, Clone)]
pub struct Certificates {
    directory: PathBuf,
}

/// A certificate with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM file with the certificate.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

impl Certificates {
    /// The certificates in `directory`; makes them when there are none.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        let certificates = Self {
            directory: directory.to_owned(),
        };
        // Written last, so its presence means that all of them are there.
        if !certificates.admin().certificate.exists() {
            certificates.make()?;
        }
        Ok(certificates)
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    /// What the API server serves with.
    pub fn api_server(&self) -> Identity {
        self.identity("kube-apiserver")
    }

    /// A member of `system:masters`.
    pub fn admin(&self) -> Identity {
        self.identity("admin")
    }

    /// The controller manager: its own user name, which shows in managedFields, with a master's rights.
    pub fn controller_manager(&self) -> Identity {
        self.identity("kube-controller-manager")
    }

    /// The key with which service account tokens are signed.
    pub fn service_account_key(&self) -> PathBuf {
        self.directory.join("service-account.key")
    }

    /// The key with which service account tokens are checked.
    pub fn service_account_public_key(&self) -> PathBuf {
        self.directory.join("service-account.pub")
    }

    fn identity(&self, name: &str) -> Identity {
        Identity {
            certificate: self.directory.join(format!("{name}.crt")),
            key: self.directory.join(format!("{name}.key")),
        }
    }

    fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.directory).with_context(|| format!("creating {}", self.directory.display()))?;
        let issuer = new_authority("tombolo development cluster", &self.authority())?;
        let names = [
            "127.0.0.1",
            "10.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let mut server = CertificateParams::new(names.map(String::from))?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        issue(&issuer, server, &self.api_server())?;

        let tokens = KeyPair::generate()?;
        write_secret(&self.service_account_key(), &tokens.serialize_pem())?;
        std::fs::write(self.service_account_public_key(), tokens.public_key_pem())?;

        issue(
            &issuer,
            master("system:kube-controller-manager"),
            &self.controller_manager(),
        )?;
        issue(&issuer, master("tombolo-admin"), &self.admin())
    }
}

/// A certificate for a server with that address, by an authority `ca.crt` of its own in the same directory; made when there is none.
pub(crate) fn of_server(directory: &Path, address: &str) -> Result<Identity> {
    let identity = Identity {
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    };
    if !identity.certificate.exists() {
        let issuer = new_authority("tombolo development filer", &directory.join("ca.crt"))?;
        let mut server = CertificateParams::new([address.to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        issue(&issuer, server, &identity)?;
    }
    Ok(identity)
}

fn new_authority(name: &str, certificate: &Path) -> Result<Issuer<'static, KeyPair>> {
    let key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    std::fs::write(certificate, authority.self_signed(&key)?.pem())?;
    Ok(Issuer::new(authority, key))
}

fn master(user: &str) -> CertificateParams {
    let mut client = CertificateParams::default();
    client.distinguished_name.push(DnType::CommonName, user);
    client
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    client
}

fn issue(issuer: &Issuer<'_, KeyPair>, params: CertificateParams, to: &Identity) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    write_secret(&to.key, &key.serialize_pem())?;
    std::fs::write(&to.certificate, certificate.pem()).with_context(|| format!("writing {}", to.certificate.display()))
}

pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_made_once_and_keys_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let read = |certificates: &Certificates| std::fs::read(certificates.admin().certificate).unwrap();
        let first = read(&Certificates::in_directory(directory.path()).unwrap());
        let again = Certificates::in_directory(directory.path()).unwrap();
        assert_eq!(first, read(&again));
        let mode = std::fs::metadata(again.admin().key).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
