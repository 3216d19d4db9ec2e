//! How deeply code is nested, told without parsing it: parsers, and all that walks over what they
//! make, call themselves for each level, and a stack that is used up ends the process. The text is
//! only cut into words and signs, so the depth that is found is an upper bound that code which
//! people or generators write stays far below. Whether the code is well formed is not asked.

#[cfg(test)]
mod tests;

use super::rules::Language;
use crate::error::Problem;

/// How deep code may be. With more, the stack of `engine.rs` has room for many times that.
pub(super) const MAX_DEPTH: usize = 20_100;

/// What is between brackets, and the statement that is read in it.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    /// What comes to an end with the statement, or at a comma: operators, arrows, calls.
    chain: usize,
    /// `<` of types, which come to an end with the statement, and of elements.
    angles: usize,
    /// `else`, after each of which the next `if` is one level deeper.
    elses: usize,
    /// What the bracket is.
    bracket: Bracket,
    /// Whether a value stands before it: a call, an index.
    is_applied: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Bracket {
    #[default]
    Plain,
    /// The condition of an `if`, `for`, `while`, `with`: a statement follows.
    Condition,
    /// `${` in a template.
    Template,
}

/// What `<` and `>` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Angles {
    /// Comparisons.
    Operators,
    /// Brackets of types.
    Types,
    /// Elements of JSX.
    Elements,
}

/// What the token before the present one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The end of a value: a word, a literal, a closed bracket.
    Value,
    /// A dot: the next word is a name, whatever it is.
    Dot,
    /// Anything after which a value is expected.
    Other,
}

/// What a word is for the depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// `else`.
    Else,
    /// A condition follows it.
    Conditional,
    /// A statement begins with it, and nothing else does.
    Statement,
    /// A value follows it that is one level deeper.
    Prefix,
    /// A name, a number, a literal.
    Value,
}

impl Word {
    // Half of all code is words: patterns of bytes are looked at by their lengths first.
    fn of(word: &[u8]) -> Self {
        match word {
            b"else" => Self::Else,
            b"if" | b"for" | b"while" | b"with" => Self::Conditional,
            b"break" | b"case" | b"const" | b"continue" | b"debugger" | b"default" | b"export"
            | b"return" | b"switch" | b"throw" | b"try" | b"var" => Self::Statement,
            b"as" | b"async" | b"await" | b"delete" | b"do" | b"extends" | b"in" | b"infer"
            | b"instanceof" | b"is" | b"keyof" | b"new" | b"of" | b"readonly" | b"satisfies"
            | b"typeof" | b"unique" | b"void" | b"yield" => Self::Prefix,
            _ => Self::Value,
        }
    }
}

/// The place in the text, in bytes, where it is nested too deeply, if it is.
pub(super) fn fault(text: &str, language: Language) -> Option<(usize, Problem)> {
    // No code with fewer bytes is deeper.
    if text.len() <= MAX_DEPTH {
        return None;
    }
    let angles = match language {
        Language::JavaScript if !text.contains("</") && !text.contains("/>") => Angles::Operators,
        Language::JavaScript | Language::TypeScriptJsx => Angles::Elements,
        Language::TypeScript => Angles::Types,
    };
    deeper_than(text, angles, MAX_DEPTH).map(|offset| {
        let mut problem = Problem::syntax(format!("the code is nested deeper than {MAX_DEPTH}"));
        problem.help = Some("split it into several statements or functions".to_owned());
        (offset, problem)
    })
}

/// Where the text is nested deeper than that.
fn deeper_than(text: &str, angles: Angles, limit: usize) -> Option<usize> {
    let mut scan = Scan {
        text: text.as_bytes(),
        at: 0,
        angles,
        frames: Vec::new(),
        top: Frame::default(),
        depth: 0,
        before: Before::Other,
        awaits_condition: false,
    };
    while let Some(byte) = scan.peek(0) {
        let start = scan.at;
        let inner = scan.token(byte);
        if scan.depth + inner > limit {
            return Some(start);
        }
    }
    None
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    angles: Angles,
    /// The frames around the present one.
    frames: Vec<Frame>,
    top: Frame,
    /// The depth of all frames.
    depth: usize,
    before: Before,
    /// Whether the next bracket is a condition.
    awaits_condition: bool,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Reads a token. Answers the depth of what is inside of it.
    fn token(&mut self, byte: u8) -> usize {
        match byte {
            b if b.is_ascii_whitespace() => self.at += 1,
            b'/' if self.peek(1) == Some(b'/') => self.skip_line(),
            b'/' if self.peek(1) == Some(b'*') => self.skip_comment(),
            b'/' if self.angles == Angles::Elements && self.peek(1) == Some(b'>') => {
                self.at += 2;
                self.close_angle();
                self.before = Before::Value;
            }
            b'/' if self.before != Before::Value => return self.skip_regex(),
            // An apostrophe in the text of an element.
            b'\'' if self.angles == Angles::Elements && self.before == Before::Value => {
                self.at += 1;
            }
            b'"' | b'\'' => {
                self.value();
                self.skip_string(byte);
            }
            b'`' => {
                // After a value it is a call of it.
                self.deepen(usize::from(self.before == Before::Value));
                self.at += 1;
                self.skip_template();
            }
            b'(' | b'[' | b'{' => self.open(byte),
            b')' | b']' | b'}' => self.close(byte),
            b';' => {
                self.at += 1;
                self.end_statement();
            }
            b',' => {
                self.at += 1;
                self.depth -= std::mem::take(&mut self.top.chain);
                self.before = Before::Other;
            }
            b'#' | b'\\' => self.at += 1,
            b'_' | b'$' | 0x80.. => self.word(),
            b if b.is_ascii_alphanumeric() => self.word(),
            _ => self.operator(byte),
        }
        0
    }

    fn deepen(&mut self, levels: usize) {
        self.top.chain += levels;
        self.depth += levels;
    }

    fn end_statement(&mut self) {
        self.depth -= std::mem::take(&mut self.top.chain);
        // The text in an element may look like any code.
        if self.angles != Angles::Elements {
            self.depth -= std::mem::take(&mut self.top.angles);
        }
        self.before = Before::Other;
    }

    /// A value begins. Two in a row are in two statements.
    fn value(&mut self) {
        if self.before == Before::Value {
            self.end_statement();
        }
        self.before = Before::Value;
    }

    fn word(&mut self) {
        let start = self.at;
        let is_number = self.text.get(start).is_some_and(u8::is_ascii_digit);
        while let Some(byte) = self.peek(0) {
            let belongs = byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'$' | 0x80..)
                || (is_number && byte == b'.');
            if !belongs {
                break;
            }
            self.at += 1;
        }
        if self.before == Before::Dot {
            self.before = Before::Value;
            return;
        }
        match Word::of(self.text.get(start..self.at).unwrap_or_default()) {
            Word::Else => {
                self.top.elses += 1;
                self.depth += 1;
                self.before = Before::Other;
            }
            Word::Statement => self.end_statement(),
            Word::Conditional => {
                self.value();
                self.awaits_condition = true;
                self.before = Before::Other;
            }
            Word::Prefix => {
                self.deepen(1);
                self.before = Before::Other;
            }
            Word::Value => self.value(),
        }
    }

    fn operator(&mut self, byte: u8) {
        self.at += 1;
        match byte {
            b'<' if self.angles == Angles::Elements && self.peek(0) == Some(b'/') => {
                self.at += 1;
                self.close_angle();
            }
            b'<' if self.angles != Angles::Operators => {
                self.top.angles += 1;
                self.depth += 1;
            }
            b'>' if self.angles == Angles::Types => self.close_angle(),
            // Of these a row is one operator.
            b'=' | b'&' | b'|' | b'*' | b'<' | b'>' | b'.' | b'?' => {
                while matches!(self.peek(0), Some(b'=' | b'&' | b'|' | b'*' | b'>' | b'.')) {
                    self.at += 1;
                }
                self.deepen(1);
            }
            _ => self.deepen(1),
        }
        let is_dot = self.text.get(self.at - 1) == Some(&b'.');
        let is_spread = is_dot && self.at >= 2 && self.text.get(self.at - 2) == Some(&b'.');
        self.before = if is_dot && !is_spread { Before::Dot } else { Before::Other };
    }

    fn close_angle(&mut self) {
        if self.top.angles > 0 {
            self.top.angles -= 1;
            self.depth -= 1;
        }
    }

    fn open(&mut self, byte: u8) {
        self.at += 1;
        let bracket = match byte {
            b'(' if std::mem::take(&mut self.awaits_condition) => Bracket::Condition,
            _ => Bracket::Plain,
        };
        let is_applied = self.before == Before::Value && byte != b'{';
        self.push(bracket, is_applied);
    }

    fn push(&mut self, bracket: Bracket, is_applied: bool) {
        let frame = Frame { bracket, is_applied, ..Frame::default() };
        self.frames.push(std::mem::replace(&mut self.top, frame));
        self.depth += 1;
        self.before = Before::Other;
    }

    fn close(&mut self, byte: u8) {
        self.at += 1;
        self.before = Before::Value;
        // What closes nothing is a fault that others report.
        let Some(outer) = self.frames.pop() else { return };
        let inner = std::mem::replace(&mut self.top, outer);
        self.depth -= 1 + inner.chain + inner.angles + inner.elses;
        match inner.bracket {
            Bracket::Template if byte == b'}' => self.skip_template(),
            Bracket::Condition => {
                self.deepen(1);
                self.before = Before::Other;
            }
            _ if inner.is_applied => self.deepen(1),
            _ => {}
        }
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn skip_comment(&mut self) {
        self.at += 2;
        while self.peek(0).is_some() {
            if self.peek(0) == Some(b'*') && self.peek(1) == Some(b'/') {
                self.at += 2;
                return;
            }
            self.at += 1;
        }
    }

    /// Up to the quote, or to the end of the line where there is none.
    fn skip_string(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' => return,
                byte if byte == quote => return,
                _ => {}
            }
        }
    }

    /// Up to the end of a template, or into what it substitutes.
    fn skip_template(&mut self) {
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'`' => {
                    self.before = Before::Value;
                    return;
                }
                b'$' if self.peek(0) == Some(b'{') => {
                    self.at += 1;
                    self.push(Bracket::Template, false);
                    return;
                }
                _ => {}
            }
        }
    }

    /// Up to the end of a regular expression; answers how deep its groups are.
    fn skip_regex(&mut self) -> usize {
        self.at += 1;
        let (mut depth, mut deepest, mut in_class) = (0usize, 0, false);
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' => break,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                b'(' if !in_class => depth += 1,
                b')' if !in_class => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        self.value();
        deepest
    }
}
