//! What a request says beside its body. Everything is optional and strict: what is there and is not understood is refused,
//! for whoever sent it meant something by it.

use crate::wire::headers::{self, Revision};
use crate::wire::problem::{Code, Problem};
use http::HeaderMap;
use std::time::Duration;
use tombolo_backend_api::BackendId;
use uuid::Uuid;

/// What a request expects, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub root: Option<BackendId>,
    pub revision: Option<Revision>,
    pub deadline: Option<Duration>,
    pub request: Uuid,
}

impl Asked {
    /// Reads the headers; a request without a name gets `otherwise`.
    pub fn parse(map: &HeaderMap, otherwise: Uuid) -> Result<Self, Problem> {
        Ok(Self {
            root: one(map, headers::ROOT, BackendId::parse)?,
            revision: one(map, headers::REVISION, |text| Revision::parse(text).ok())?,
            deadline: one(map, headers::DEADLINE, headers::deadline)?,
            request: one(map, headers::REQUEST, |text| Uuid::try_parse(text).ok())?.unwrap_or(otherwise),
        })
    }
}

/// The one value of a header, parsed.
fn one<T>(map: &HeaderMap, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let refused = |why: &str| Problem::refused(Code::Malformed, format!("header {name} {why}"));
    let mut values = map.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refused("is there twice"));
    }
    let parsed = value.to_str().ok().and_then(parse);
    parsed.map(Some).ok_or_else(|| refused("cannot be understood"))
}

/// Whether a body is JSON by its type. JSON has no charset but UTF-8 (RFC 8259, section 8.1).
pub(super) fn says_json(map: &HeaderMap) -> bool {
    let mut values = map.get_all(http::header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next() == Some(crate::wire::JSON);
    json && parts.all(|part| matches!(part, "charset=utf-8" | "charset=\"utf-8\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn what_is_there_is_understood_or_refused() {
        let asked = Asked::parse(
            &map(&[("tombolo-root", "b-1"), ("tombolo-deadline", "500")]),
            Uuid::nil(),
        );
        let asked = asked.unwrap();
        assert_eq!(asked.root.unwrap().as_str(), "b-1");
        assert_eq!(asked.deadline, Some(Duration::from_millis(500)));
        for bad in [
            &[("tombolo-root", "a/b")][..],
            &[("tombolo-root", "")],
            &[("tombolo-root", "é")],
            &[("tombolo-root", "a"), ("tombolo-root", "a")],
            &[("tombolo-deadline", "soon")],
            &[("tombolo-revision", "1")],
            &[("x-request-id", "a b")],
        ] {
            assert_eq!(
                Asked::parse(&map(bad), Uuid::nil()).unwrap_err().code,
                Code::Malformed,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_body_is_json_when_it_says_so_once() {
        for good in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(says_json(&map(&[("content-type", good)])), "{good}");
        }
        for bad in [
            &[][..],
            &[("content-type", "")],
            &[("content-type", "text/plain")],
            &[("content-type", "application/json; charset=latin1")],
            &[("content-type", "application/json, text/html")],
            &[("content-type", "application/json"), ("content-type", "text/plain")],
        ] {
            assert!(!says_json(&map(bad)), "{bad:?}");
        }
    }
}
