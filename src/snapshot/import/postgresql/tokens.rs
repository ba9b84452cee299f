//! Splits SQL into statements and tokens, as far as dumps of roles need it. Linear in the text.
//!
//! Source: PostgreSQL, "Lexical structure".

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A key word, a name without quotes, or a number.
    Word(String),
    /// A name in quotes.
    Quoted(String),
    /// The content of a literal.
    Literal(String),
    /// Any other character.
    Symbol(char),
}

impl Token {
    pub fn is_word(&self, word: &str) -> bool {
        self.keyword().is_some_and(|own| own.eq_ignore_ascii_case(word))
    }

    pub fn keyword(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Quoted(_) | Self::Literal(_) | Self::Symbol(_) => None,
        }
    }

    /// The name that it is: folded to lower case, unless it is in quotes.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.to_lowercase()),
            Self::Quoted(name) => Some(name.clone()),
            Self::Literal(_) | Self::Symbol(_) => None,
        }
    }
}

/// A statement and the line that it begins in.
#[derive(Debug)]
pub(super) struct Statement {
    pub line: u32,
    pub tokens: Vec<Token>,
}

/// All statements. Commands of psql (`\connect`) are left out.
///
/// # Errors
/// The line and the name of something that does not end.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, (u32, &'static str)> {
    let mut scan = Scan { rest: text, line: 1 };
    let mut out = Vec::new();
    let mut tokens = Vec::new();
    let mut line = 1;
    while let Some(c) = scan.rest.chars().next() {
        let begins = scan.line;
        let token = match c {
            _ if c.is_whitespace() => {
                scan.skip(c.len_utf8());
                continue;
            }
            '-' if scan.rest.starts_with("--") => {
                scan.skip_line();
                continue;
            }
            '\\' if tokens.is_empty() => {
                scan.skip_line();
                continue;
            }
            '/' if scan.rest.starts_with("/*") => {
                scan.comment()?;
                continue;
            }
            ';' => {
                scan.skip(1);
                if !tokens.is_empty() {
                    out.push(Statement { line, tokens: std::mem::take(&mut tokens) });
                }
                continue;
            }
            '\'' => Token::Literal(scan.quoted('\'', false)?),
            'E' | 'e' if scan.rest.get(1..2) == Some("'") => {
                scan.skip(1);
                Token::Literal(scan.quoted('\'', true)?)
            }
            '"' => Token::Quoted(scan.quoted('"', false)?),
            '$' => match scan.dollar_tag() {
                Some(tag) => Token::Literal(scan.dollar_quoted(&tag)?),
                None => scan.symbol(c),
            },
            _ if c.is_alphanumeric() || c == '_' => {
                let end = scan.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                Token::Word(scan.skip(end.unwrap_or(scan.rest.len())).to_owned())
            }
            _ => scan.symbol(c),
        };
        if tokens.is_empty() {
            line = begins;
        }
        tokens.push(token);
    }
    if tokens.is_empty() { Ok(out) } else { Err((line, "a statement does not end")) }
}

struct Scan<'t> {
    rest: &'t str,
    line: u32,
}

impl<'t> Scan<'t> {
    /// Goes forward by so many bytes, which it returns.
    fn skip(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line = self.line.saturating_add(u32::try_from(taken.matches('\n').count()).unwrap_or(u32::MAX));
        self.rest = rest;
        taken
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.skip(end);
    }

    fn symbol(&mut self, c: char) -> Token {
        self.skip(c.len_utf8());
        Token::Symbol(c)
    }

    /// A comment, in which comments may be nested.
    fn comment(&mut self) -> Result<(), (u32, &'static str)> {
        let line = self.line;
        let mut depth = 0_usize;
        loop {
            let next = self.rest.find(['/', '*']).ok_or((line, "a comment does not end"))?;
            self.skip(next);
            if self.rest.starts_with("/*") {
                depth = depth.saturating_add(1);
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth = depth.saturating_sub(1);
                self.skip(2);
                if depth == 0 {
                    return Ok(());
                }
            } else {
                self.skip(1);
            }
        }
    }

    /// A literal or name, from its first quote on; a doubled quote is one.
    fn quoted(&mut self, quote: char, has_escapes: bool) -> Result<String, (u32, &'static str)> {
        let line = self.line;
        let mut out = String::new();
        self.skip(1);
        loop {
            let what = if quote == '"' { "a quoted name does not end" } else { "a literal does not end" };
            let next = self.rest.find([quote, '\\']).ok_or((line, what))?;
            out.push_str(self.skip(next));
            let after = self.rest.chars().nth(1);
            if self.rest.starts_with('\\') {
                if has_escapes && let Some(c) = after {
                    out.push(c);
                    self.skip(c.len_utf8().saturating_add(1));
                } else {
                    out.push('\\');
                    self.skip(1);
                }
            } else if after == Some(quote) {
                out.push(quote);
                self.skip(2);
            } else {
                self.skip(1);
                return Ok(out);
            }
        }
    }

    /// `$tag$`, if that is next.
    fn dollar_tag(&self) -> Option<String> {
        let end = self.rest.get(1..)?.find('$')?;
        let tag = self.rest.get(..end.saturating_add(2))?;
        let is_tag = tag.chars().all(|c| c == '$' || c == '_' || c.is_alphanumeric());
        is_tag.then(|| tag.to_owned())
    }

    fn dollar_quoted(&mut self, tag: &str) -> Result<String, (u32, &'static str)> {
        let line = self.line;
        self.skip(tag.len());
        let end = self.rest.find(tag).ok_or((line, "a dollar-quoted text does not end"))?;
        let content = self.skip(end).to_owned();
        self.skip(tag.len());
        Ok(content)
    }
}
