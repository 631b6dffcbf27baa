//! What went wrong, as RFC 9457 has it, with the two things that a caller decides by: the class and the certainty.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tombolo_backend_api::{BackendError, Certainty, Class};

/// Which rule a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// The caller was not recognised.
    Unauthenticated,
    /// There is nothing at this URL.
    NotFound,
    /// What is at this URL has not this method.
    MethodNotAllowed,
    /// The request cannot be understood.
    Malformed,
    /// The body is no JSON by its type.
    UnsupportedType,
    /// The body is too long.
    TooLong,
    /// The body did not arrive in time.
    TooSlow,
    /// The caller asks too much at once.
    TooMany,
    /// The backend is another than the one that the caller knows.
    DescriptionChanged,
    /// The root does not carry the mark that the caller expects.
    RootChanged,
    /// No such operation is known: it was never started here, has been forgotten, or this is another process than it was.
    UnknownOperation,
    /// The deadline has passed.
    Deadline,
    /// The backend's own answer.
    Backend,
}

impl Code {
    /// All that there are, for the API's document.
    pub const ALL: [Self; 13] = [
        Self::Unauthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Malformed,
        Self::UnsupportedType,
        Self::TooLong,
        Self::TooSlow,
        Self::TooMany,
        Self::DescriptionChanged,
        Self::RootChanged,
        Self::UnknownOperation,
        Self::Deadline,
        Self::Backend,
    ];
}

/// A failure, as it is answered (RFC 9457). Its `type` is `about:blank`, which is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The status in words.
    pub title: String,
    /// The status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What went wrong, for the admin.
    pub detail: String,
    /// Which rule the request met.
    pub code: Code,
    /// What kind of failure it is: what to do about it follows from this.
    pub class: Class,
    /// Whether the work may have been done.
    pub certainty: Certainty,
    /// The request, as the log names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// A request that was refused before anything was done.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        let class = match code {
            Code::Unauthenticated => Class::Denied,
            Code::NotFound
            | Code::MethodNotAllowed
            | Code::Malformed
            | Code::UnsupportedType
            | Code::TooLong
            | Code::Backend => Class::Invalid,
            Code::TooSlow | Code::TooMany | Code::Deadline | Code::UnknownOperation => Class::Transient,
            Code::DescriptionChanged | Code::RootChanged => Class::Waiting,
        };
        Self::new(code, class, Certainty::NotDone, detail.into())
    }

    /// A backend's error. Only its own words are told: the library's text may name what is nobody's business elsewhere.
    pub fn of(error: &BackendError) -> Self {
        Self::new(Code::Backend, error.class, error.certainty, error.message.clone())
    }

    /// A call that nobody waits for any more.
    pub fn late(certainty: Certainty) -> Self {
        let detail = "the deadline passed before there was an answer".to_owned();
        Self::new(Code::Deadline, Class::Waiting, certainty, detail)
    }

    fn new(code: Code, class: Class, certainty: Certainty, detail: String) -> Self {
        let status = status(code, class);
        Self {
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail,
            code,
            class,
            certainty,
            instance: None,
        }
    }

    /// The status that it is answered with.
    pub fn status(&self) -> StatusCode {
        status(self.code, self.class)
    }
}

impl From<Problem> for BackendError {
    fn from(problem: Problem) -> Self {
        Self {
            class: problem.class,
            certainty: problem.certainty,
            message: problem.detail,
            source: None,
        }
    }
}

/// A status is for proxies, dashboards and people; whoever decides looks at the class. What the storage's state does not
/// allow is a conflict (RFC 9110, 15.5.10), a full one too: 5xx says that this side is to be mended.
const fn status(code: Code, class: Class) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::NotFound | Code::UnknownOperation => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Malformed => StatusCode::BAD_REQUEST,
        Code::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::DescriptionChanged | Code::RootChanged => StatusCode::PRECONDITION_FAILED,
        Code::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Code::Backend => match class {
            Class::Invalid | Class::Full | Class::TooLarge => StatusCode::CONFLICT,
            Class::Denied => StatusCode::FORBIDDEN,
            Class::Waiting | Class::Transient => StatusCode::SERVICE_UNAVAILABLE,
            Class::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_it_was_without_its_source() {
        for class in [Class::Invalid, Class::Waiting, Class::Full, Class::Bug] {
            let error = BackendError::maybe_done(class, "mkdir pvc-1").because(std::io::Error::other("at /srv/secret"));
            let text = serde_json::to_string(&Problem::of(&error)).unwrap();
            assert!(!text.contains("secret"), "{text}");
            let back = BackendError::from(serde_json::from_str::<Problem>(&text).unwrap());
            assert_eq!((back.class, back.certainty), (class, Certainty::MaybeDone));
            assert_eq!(back.message, "mkdir pvc-1");
        }
    }

    #[test]
    fn only_what_is_to_be_mended_here_is_a_server_s_error() {
        for code in Code::ALL {
            let problem = Problem::refused(code, "x");
            assert_eq!(problem.certainty, Certainty::NotDone);
            assert_eq!(problem.status().is_server_error(), code == Code::Deadline, "{code:?}");
        }
    }
}
