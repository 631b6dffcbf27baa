//! Where the far side is and what to show it, as values: whoever opens a remote backend reads Secrets, this does not.

use std::fmt;

/// Where the far side is, whom to believe, what to show.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) url: reqwest::Url,
    pub(super) authority: Option<Vec<u8>>,
    pub(super) credentials: Credentials,
}

/// What a client shows.
#[derive(Clone)]
pub enum Credentials {
    /// A bearer token.
    Token(Token),
    /// A certificate and its key, both in PEM.
    Certificate {
        /// The certificate, with its chain.
        certificate: Vec<u8>,
        /// Its private key.
        key: Vec<u8>,
    },
}

/// A bearer token: visible ASCII without spaces (RFC 6750, section 2.1 allows less).
#[derive(Clone)]
pub struct Token(http::HeaderValue);

/// Why texts are no [`Config`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// No URL of a server.
    #[error("{0:?} is no URL of a far side: https, a host, perhaps a port, and nothing else")]
    Url(String),
    /// Credentials in clear over a network.
    #[error("{0:?}: without TLS a far side is on loopback only")]
    Clear(String),
    /// No token.
    #[error("a token is 32 to 512 visible characters of ASCII")]
    Token,
}

impl Config {
    /// Checks a URL; `authority` is a bundle of certificates in PEM, and without one those of the system are believed.
    ///
    /// # Errors
    /// If the URL names anything but a server, or one without TLS that is not on loopback.
    pub fn parse(url: &str, authority: Option<Vec<u8>>, credentials: Credentials) -> Result<Self, InvalidConfig> {
        let no_url = || InvalidConfig::Url(url.to_owned());
        let parsed = reqwest::Url::parse(url).map_err(|_| no_url())?;
        let bare = parsed.path() == "/"
            && parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none();
        let host = parsed.host_str().filter(|_| bare).ok_or_else(no_url)?;
        match parsed.scheme() {
            "https" => {}
            "http" if matches!(host, "127.0.0.1" | "[::1]") => {}
            "http" => return Err(InvalidConfig::Clear(url.to_owned())),
            _ => return Err(no_url()),
        }
        Ok(Self {
            url: parsed,
            authority,
            credentials,
        })
    }
}

impl Token {
    /// Takes a token; white space around it, as in a file, is not part of it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let text = text.trim();
        let fits = (32..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let value = http::HeaderValue::from_str(&format!("Bearer {text}"));
        let mut value = value.ok().filter(|_| fits).ok_or(InvalidConfig::Token)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header(&self) -> http::HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Certificate { .. } => "Certificate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn parse(url: &str) -> Result<Config, InvalidConfig> {
        Config::parse(url, None, Credentials::Token(Token::parse(TOKEN).unwrap()))
    }

    #[test]
    fn a_far_side_is_a_server_and_nothing_else() {
        for good in [
            "https://filer.example",
            "https://10.0.0.1:8443/",
            "https://[2001:db8::1]:1",
            "http://127.0.0.1:80",
        ] {
            parse(good).unwrap();
        }
        for bad in [
            "",
            "filer.example",
            "ftp://filer.example",
            "https://user@filer.example",
            "https://u:p@filer.example",
            "https://filer.example/v1",
            "https://filer.example/?x",
            "https://filer.example/#x",
            "unix:/run/x",
        ] {
            assert_eq!(parse(bad).unwrap_err(), InvalidConfig::Url(bad.to_owned()));
        }
        for clear in [
            "http://filer.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "http://localhost",
        ] {
            assert_eq!(parse(clear).unwrap_err(), InvalidConfig::Clear(clear.to_owned()));
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let config = parse("https://filer.example").unwrap();
        assert!(!format!("{config:?}").contains(TOKEN));
        assert!(Token::parse(&format!("{TOKEN}\n")).is_ok());
        for bad in [
            "",
            "short",
            &format!("{TOKEN} x"),
            &format!("{TOKEN}é"),
            &"a".repeat(513),
        ] {
            assert_eq!(Token::parse(bad).err(), Some(InvalidConfig::Token));
        }
    }
}
