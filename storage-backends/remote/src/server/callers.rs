//! Who calls: a bearer token (RFC 6750) of a list that can be replaced at any time, or a client certificate that TLS has checked.

use super::tokens::Tokens;
use http::{HeaderMap, header};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::OwnedSemaphorePermit;

/// Somebody who was recognised: by the digest of what they showed, which tells nobody anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// By a token.
    Token(String),
    /// By a certificate.
    Certificate(String),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(digest) => write!(f, "token:{digest}"),
            Self::Certificate(digest) => write!(f, "certificate:{digest}"),
        }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    /// Digest of the certificate that it showed and that was found good.
    pub certificate: Option<String>,
}

/// Somebody who was let in, with their place.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub who: Who,
    pub peer: SocketAddr,
    /// Kept until the last of what they asked for is done.
    pub _place: Arc<OwnedSemaphorePermit>,
}

/// Everybody who may call. The list can be replaced while the server runs.
#[derive(Debug, Default)]
pub struct Callers(RwLock<Tokens>);

impl Callers {
    /// Those with one of these tokens, and whoever shows a good certificate.
    pub fn new(tokens: Tokens) -> Self {
        Self(RwLock::new(tokens))
    }

    /// From now on exactly these tokens.
    pub fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// Recognises a caller. A token that is shown has to be good, whatever else is shown.
    pub(super) fn who(&self, headers: &HeaderMap, peer: &Peer) -> Option<Who> {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match (shown.next(), shown.next()) {
            (None, _) => peer.certificate.clone().map(Who::Certificate),
            (Some(value), None) => tokens.recognise(bearer(value.as_bytes())?).map(Who::Token),
            (Some(_), Some(_)) => None,
        }
    }
}

/// The token of a header's value. The scheme's name is read in any case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn who(values: &[&str], certificate: Option<&str>) -> Option<Who> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let peer = Peer {
            address: ([127, 0, 0, 1], 1).into(),
            certificate: certificate.map(str::to_owned),
        };
        Callers::new(Tokens::parse(TOKEN).unwrap()).who(&headers, &peer)
    }

    #[test]
    fn a_token_or_a_certificate_is_recognised() {
        let bearer = format!("Bearer {TOKEN}");
        assert!(matches!(who(&[&bearer], None), Some(Who::Token(_))));
        assert!(matches!(
            who(&[&bearer.replace("Bearer", "bEARER")], None),
            Some(Who::Token(_))
        ));
        assert_eq!(who(&[], Some("c")), Some(Who::Certificate("c".to_owned())));
    }

    #[test]
    fn anything_else_is_nobody() {
        let good = format!("Bearer {TOKEN}");
        for bad in [
            &[][..],
            &["Bearer "],
            &["Bearer"],
            &[TOKEN],
            &[&format!("Basic {TOKEN}")],
            &[&format!("Bearer  {TOKEN}")],
            &[&format!("{good} ")],
            &[&format!("{good}0")],
            &[good.get(..good.len() - 1).unwrap()],
            &[&good, &good],
        ] {
            assert_eq!(who(bad, None), None, "{bad:?}");
        }
        assert_eq!(
            who(&["Bearer wrong"], Some("c")),
            None,
            "a wrong token is not mended by a certificate"
        );
    }
}
