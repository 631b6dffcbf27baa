//! Bodies of requests: read with a bound in length and time, or let go by.
//!
//! A connection on which a body was left unread is closed under the hands of whoever still writes it, and they see a broken
//! connection instead of the answer. So what is not wanted is read all the same and forgotten, up to a bound of its own.

use crate::wire::problem::{Code, Problem};
use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::BodyExt;
use std::time::Duration;

/// Bytes at most that are read to be forgotten.
const FORGOTTEN: usize = 4 << 20;

/// Reads a body.
pub(super) async fn collect(mut body: Body, longest: usize, time: Duration) -> Result<Bytes, Problem> {
    let read = async {
        let (mut kept, mut seen) = (BytesMut::new(), 0);
        while let Some(frame) = body.frame().await {
            let broken = |_| Problem::refused(Code::Malformed, "the body is broken off");
            let Ok(data) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            seen += data.len();
            if seen <= longest {
                kept.extend_from_slice(&data);
            } else if seen > FORGOTTEN {
                break;
            }
        }
        let too_long = || Problem::refused(Code::TooLong, format!("a body has {longest} bytes at most"));
        if seen <= longest {
            Ok(kept.freeze())
        } else {
            Err(too_long())
        }
    };
    let late = |_| Err(Problem::refused(Code::TooSlow, "the body did not arrive in time"));
    tokio::time::timeout(time, read).await.unwrap_or_else(late)
}

/// Lets a body go by. Whoever asked first whether to send it (RFC 9110, section 10.1.1) is not told to.
pub(super) async fn forget(request: Request, time: Duration) {
    if !request.headers().contains_key(header::EXPECT) {
        let _ = collect(request.into_body(), 0, time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    const SOON: Duration = Duration::from_secs(5);

    fn chunks(count: usize, size: usize) -> Body {
        let chunk = Bytes::from(vec![b'x'; size]);
        Body::from_stream(stream::iter(
            (0..count).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
        ))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound() {
        assert_eq!(collect(chunks(4, 16), 64, SOON).await.unwrap().len(), 64);
        assert_eq!(collect(chunks(5, 16), 64, SOON).await.unwrap_err().code, Code::TooLong);
        // A body without an end is not read to it.
        assert_eq!(
            collect(chunks(usize::MAX, 1 << 16), 64, SOON).await.unwrap_err().code,
            Code::TooLong
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(collect(never, 64, SOON).await.unwrap_err().code, Code::TooSlow);
        let broken = stream::iter([Ok(Bytes::from("x")), Err(std::io::Error::other("gone"))]);
        assert_eq!(
            collect(Body::from_stream(broken), 64, SOON).await.unwrap_err().code,
            Code::Malformed
        );
    }
}
