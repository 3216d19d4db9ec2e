//! The syntax of dotenv: `NAME=value`, one a line, with comments, quotes and `export`. Which files
//! are read is the module's above.

use std::collections::BTreeMap;

/// What is wrong, and the byte offset where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: &'static str,
}

/// The variables of a text; of two with one name the later.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut reader = Reader { text, offset: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let mut values = BTreeMap::new();
    loop {
        reader.skip(char::is_whitespace);
        if reader.rest().is_empty() {
            return Ok(values);
        }
        if reader.rest().starts_with('#') {
            reader.skip(|c| c != '\n');
            continue;
        }
        let (name, value) = reader.variable()?;
        values.insert(name.to_owned(), value);
    }
}

struct Reader<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Passes over the characters that are so; answers them.
    fn skip(&mut self, is_so: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is_so(c)).unwrap_or(rest.len());
        self.offset += end;
        rest.get(..end).unwrap_or_default()
    }

    fn fault<T>(&self, message: &'static str) -> Result<T, Fault> {
        Err(Fault { offset: self.offset, message })
    }

    fn variable(&mut self) -> Result<(&'a str, String), Fault> {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let mut name = self.skip(is_name);
        if name == "export" && self.rest().starts_with(is_blank) {
            self.skip(is_blank);
            name = self.skip(is_name);
        }
        if name.is_empty() {
            return self.fault("expected a variable as NAME=value");
        }
        self.skip(is_blank);
        if !self.rest().starts_with('=') {
            return self.fault("expected \"=\" after the variable's name");
        }
        self.offset += 1;
        self.skip(is_blank);
        let value = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => self.quoted(quote)?,
            _ => self.skip(|c| c != '#' && c != '\n').trim_end().to_owned(),
        };
        self.skip(is_blank);
        match self.rest().chars().next() {
            None | Some('\n' | '#') => Ok((name, value)),
            Some(_) => self.fault("expected the end of the line after the closing quote"),
        }
    }

    /// A value in quotes, which may be of several lines. Only double quotes know escapes.
    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.offset += at + c.len_utf8();
                    return Ok(value);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => value.push(c),
                    Some((_, c)) => value.extend(['\\', c]),
                    None => {}
                },
                c => value.push(c),
            }
        }
        self.fault("the quote is never closed")
    }
}

/// What separates within a line; a carriage return belongs to the line's end.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}
