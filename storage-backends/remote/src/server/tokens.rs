//! Bearer tokens: a file with one a line, several valid at a time so that they can be changed without a gap.

use crate::wire::headers::digits;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Shortest token: 32 characters of base64 are 192 bits, of hexadecimal digits 128.
const SHORTEST: usize = 32;
const LONGEST: usize = 512;
/// Old and new ones of a few callers.
const MOST: usize = 16;

/// Digests of the tokens that are valid. A list without any recognises nobody.
#[derive(Default)]
pub struct Tokens(Vec<[u8; 32]>);

/// Why a file holds no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokens {
    /// Nobody could call.
    #[error("there is no token in it")]
    None,
    /// Too many to be meant.
    #[error("there are more than {MOST} tokens in it")]
    TooMany,
    /// A line that is no token; which, not what.
    #[error("line {0} is no token: {SHORTEST} to {LONGEST} of [A-Za-z0-9-._~+/=]")]
    Line(usize),
}

impl Tokens {
    /// Reads a file's text. Empty lines and lines that begin with `#` are left out.
    ///
    /// # Errors
    /// If a line is no token (RFC 6750, section 2.1), or there are too few or too many.
    pub fn parse(text: &str) -> Result<Self, InvalidTokens> {
        let lines = text.lines().map(str::trim_end).enumerate();
        let tokens = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let digest = |(at, line): (usize, &str)| {
            let fits = (SHORTEST..=LONGEST).contains(&line.len())
                && line
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
            fits.then(|| Sha256::digest(line).into())
                .ok_or(InvalidTokens::Line(at + 1))
        };
        let digests = tokens.map(digest).collect::<Result<Vec<[u8; 32]>, _>>()?;
        match digests.len() {
            0 => Err(InvalidTokens::None),
            1..=MOST => Ok(Self(digests)),
            _ => Err(InvalidTokens::TooMany),
        }
    }

    /// How the log names the owner of a token, if it is one of these. Takes as long for a wrong one as for a right one:
    /// digests of one length are compared, each with all, and to the end.
    pub(super) fn recognise(&self, token: &[u8]) -> Option<String> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self
            .0
            .iter()
            .fold(Choice::from(0), |known, valid| known | digest.ct_eq(valid));
        bool::from(known).then(|| digits(token).chars().take(12).collect())
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_token_a_line() {
        let (one, two) = ("a".repeat(32), "B-._~+/=".repeat(4));
        let tokens = Tokens::parse(&format!("# mine\n{one}\r\n\n{two}\n")).unwrap();
        assert!(tokens.recognise(one.as_bytes()).is_some() && tokens.recognise(two.as_bytes()).is_some());
        assert_ne!(tokens.recognise(one.as_bytes()), tokens.recognise(two.as_bytes()));
        for wrong in [&one[1..], &format!("{one}a"), "", "# mine", &one.to_uppercase()] {
            assert_eq!(tokens.recognise(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(Tokens::default().recognise(b""), None);
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused_without_quoting_it() {
        let token = "a".repeat(32);
        assert_eq!(Tokens::parse("\n# x\n").unwrap_err(), InvalidTokens::None);
        assert_eq!(
            Tokens::parse(&format!("{token}\n").repeat(17)).unwrap_err(),
            InvalidTokens::TooMany
        );
        for bad in [
            "short",
            &format!("{token} {token}"),
            &"a".repeat(513),
            &format!("{token}é"),
            &format!(" {token}"),
        ] {
            assert_eq!(
                Tokens::parse(&format!("{token}\n{bad}\n")).unwrap_err(),
                InvalidTokens::Line(2),
                "{bad}"
            );
        }
        assert!(!format!("{:?}", Tokens::parse(&token).unwrap()).contains('a'.to_string().repeat(3).as_str()));
    }
}
