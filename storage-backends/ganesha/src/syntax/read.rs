//! Reads NFS-Ganesha's configuration, as its own lexer does (`conf_lex.l` and `conf_yacc.y` of 4.3): for the check of an
//! admin's file, and to see in tests that what was written says what was meant.
//!
//! Names are compared without regard to case, as there. What the real lexer would refuse may pass here: the check looks for
//! settings, and the server itself says what it cannot read.

/// Deeper than any block of the language, so that a hostile file cannot exhaust the stack.
const DEEPEST: usize = 16;

/// A part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Block { name: String, parts: Vec<Part> },
    Item { name: String, values: Vec<String> },
    Include(String),
    Directory(String),
}

/// Where and why a text is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct Unreadable {
    pub(crate) line: usize,
    pub(crate) what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Equals,
    Comma,
    End,
    Word(String),
    Text(String),
}

/// Parses a whole file.
pub(crate) fn parse(text: &str) -> Result<Vec<Part>, Unreadable> {
    let mut reader = Reader { rest: text, line: 1 };
    reader.parts(0)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, what: &'static str) -> Result<T, Unreadable> {
        Err(Unreadable { line: self.line, what })
    }

    /// Takes so many bytes, which end at a character.
    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken.to_owned()
    }

    fn skip(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            let comment = if self.rest.get(blank..).is_some_and(|rest| rest.starts_with('#')) {
                self.rest
                    .get(blank..)
                    .and_then(|rest| rest.find('\n'))
                    .unwrap_or(self.rest.len() - blank)
            } else {
                0
            };
            if blank + comment == 0 {
                return;
            }
            self.take(blank + comment);
        }
    }

    fn next(&mut self) -> Result<Option<Token>, Unreadable> {
        self.skip();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let simple = match first {
            '{' => Some(Token::Open),
            '}' => Some(Token::Close),
            '=' => Some(Token::Equals),
            ',' => Some(Token::Comma),
            ';' => Some(Token::End),
            _ => None,
        };
        if let Some(token) = simple {
            self.take(1);
            return Ok(Some(token));
        }
        match first {
            '"' => self.double_quoted().map(Some),
            '\'' => {
                self.take(1);
                let Some(length) = self.rest.find('\'') else {
                    return self.fail("a quote is not closed");
                };
                let text = self.take(length);
                self.take(1);
                Ok(Some(Token::Text(text)))
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "{}=,;\"'#".contains(c);
                let length = self.rest.find(ends).unwrap_or(self.rest.len());
                Ok(Some(Token::Word(self.take(length))))
            }
        }
    }

    /// With the sequences that `save_token` of `analyse.c` turns into control characters.
    fn double_quoted(&mut self) -> Result<Token, Unreadable> {
        self.take(1);
        let (mut text, mut length, mut escaped) = (String::new(), 0, false);
        for c in self.rest.chars() {
            length += c.len_utf8();
            if escaped {
                escaped = false;
                text.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                });
                continue;
            }
            match c {
                '"' => {
                    self.take(length);
                    return Ok(Token::Text(text));
                }
                '\\' => escaped = true,
                other => text.push(other),
            }
        }
        self.fail("a quote is not closed")
    }

    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, Unreadable> {
        if depth > DEEPEST {
            return self.fail("blocks are nested too deep");
        }
        let mut parts = Vec::new();
        loop {
            let name = match (self.next()?, depth) {
                (None, 0) => return Ok(parts),
                (Some(Token::Close), 1..) => return Ok(parts),
                (Some(Token::Word(name)), _) => name,
                _ => return self.fail("a name is missing, or a block is not closed"),
            };
            let part = match name.to_ascii_lowercase().as_str() {
                "%include" => Part::Include(self.word()?),
                "%dir" => Part::Directory(self.word()?),
                "%url" => return self.fail("%url is not read here"),
                lower => match self.next()? {
                    Some(Token::Open) => Part::Block {
                        name: lower.to_owned(),
                        parts: self.parts(depth + 1)?,
                    },
                    Some(Token::Equals) => Part::Item {
                        name: lower.to_owned(),
                        values: self.values()?,
                    },
                    _ => return self.fail("neither a block nor a value follows a name"),
                },
            };
            parts.push(part);
        }
    }

    fn word(&mut self) -> Result<String, Unreadable> {
        match self.next()? {
            Some(Token::Word(word) | Token::Text(word)) => Ok(word),
            _ => self.fail("a path is missing"),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, Unreadable> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                Some(Token::Word(value) | Token::Text(value)) => values.push(value),
                Some(Token::End) if values.is_empty() => return Ok(values),
                _ => return self.fail("a value is missing"),
            }
            match self.next()? {
                Some(Token::Comma) => {}
                Some(Token::End) => return Ok(values),
                _ => return self.fail("neither a comma nor a semicolon follows a value"),
            }
        }
    }
}
