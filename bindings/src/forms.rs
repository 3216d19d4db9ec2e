//! `multipart/form-data` in parts (RFC 7578, RFC 2046 section 5.1.1): where they begin and end, their
//! names and types. A body that is cut off, or none, is an error and not half a form. The messages are
//! those of Workers.
//! Not here: the objects that the parts become (`global/forms.js`).

use deno_core::op2;
use deno_error::JsErrorBox;
use memchr::memchr;
use memchr::memmem::Finder;

/// The headers of one part may be so long, in bytes.
const MAX_HEADERS_BYTES: usize = 16 << 10;
/// How many headers one part may have.
const MAX_HEADERS: usize = 128;
/// How many parts a form may have: all become values in one piece, which nothing interrupts.
const MAX_PARTS: usize = 10_000;

/// One part of a form: its name, its file's name where it is a file, its `content-type`, and where
/// its content begins and ends in the body.
type Part = (String, Option<String>, Option<String>, u32, u32);

/// The parts of a form.
///
/// # Errors
/// A `TypeError` where the body is no form, or not a whole one.
#[op2]
#[serde]
pub(crate) fn op_form_parts(
    #[buffer] body: &[u8],
    #[string] boundary: &str,
) -> Result<Vec<Part>, JsErrorBox> {
    parts(body, boundary.as_bytes()).map_err(JsErrorBox::type_error)
}

/// What a line is that begins with the boundary.
enum Delimiter {
    /// A part follows, from this place on.
    Part(usize),
    /// The form ends.
    End,
}

fn parts(body: &[u8], boundary: &[u8]) -> Result<Vec<Part>, String> {
    if u32::try_from(body.len()).is_err() {
        return Err("A form of more than 4 GiB cannot be read.".to_owned());
    }
    let dashed = [b"--", boundary].concat();
    let finder = Finder::new(&dashed);
    let mut parts = Vec::new();
    let Some((_, mut delimiter)) = next_delimiter(body, 0, &finder) else {
        return Err("No initial boundary string (or you have a truncated message).".to_owned());
    };
    while let Delimiter::Part(start) = delimiter {
        if parts.len() == MAX_PARTS {
            return Err("The form has more than 10,000 parts.".to_owned());
        }
        let (headers, start) = headers(body, start)?;
        // The delimiter may follow the headers at once: its line break ends the empty line, too.
        let from = start.saturating_sub(1);
        let Some((end, next)) = next_delimiter(body, from, &finder) else {
            return Err("No subsequent boundary string after multipart message.".to_owned());
        };
        let end = end.max(start);
        parts.push((headers.name, headers.filename, headers.kind, start as u32, end as u32));
        delimiter = next;
    }
    Ok(parts)
}

/// The first delimiter at or after a place, and where the content before it ends: at the line break
/// before it.
fn next_delimiter(body: &[u8], from: usize, dashed: &Finder<'_>) -> Option<(usize, Delimiter)> {
    let mut at = from;
    loop {
        let start = at + dashed.find(body.get(at..)?)?;
        at = start + 1;
        let before = body.get(..start)?;
        if start != 0 && !before.ends_with(b"\n") {
            continue;
        }
        let after = start + dashed.needle().len();
        let rest = body.get(after..)?;
        let end = before.strip_suffix(b"\n").unwrap_or(before);
        let end = end.strip_suffix(b"\r").unwrap_or(end).len();
        if rest.starts_with(b"--") {
            return Some((end, Delimiter::End));
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = rest.get(padding..)?;
        let line_break = if rest.starts_with(b"\r\n") { 2 } else { 1 };
        // A longer line is content.
        if line_break == 2 || rest.starts_with(b"\n") {
            return Some((end, Delimiter::Part(after + padding + line_break)));
        }
    }
}

#[derive(Default)]
struct Headers {
    name: String,
    filename: Option<String>,
    kind: Option<String>,
}

/// The headers of a part that begins there, and where its content begins.
fn headers(body: &[u8], start: usize) -> Result<(Headers, usize), String> {
    let mut headers = Headers::default();
    let mut name = None;
    let mut disposition_is_there = false;
    let mut at = start;
    for _ in 0..=MAX_HEADERS {
        let rest = body.get(at..).unwrap_or_default();
        let Some(length) = memchr(b'\n', rest) else {
            return Err("No multipart message header termination found.".to_owned());
        };
        at += length + 1;
        if at - start > MAX_HEADERS_BYTES {
            return Err("The headers of a FormData part are too long.".to_owned());
        }
        let line = rest.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if !disposition_is_there {
                return Err(
                    "No valid Content-Disposition header found in FormData part.".to_owned()
                );
            }
            headers.name =
                name.ok_or("Content-Disposition header in FormData part is missing a name.")?;
            return Ok((headers, at));
        }
        let Some(colon) = memchr(b':', line).filter(|colon| *colon > 0) else {
            return Err("FormData part had invalid headers.".to_owned());
        };
        let (key, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if key.eq_ignore_ascii_case(b"content-disposition") {
            disposition_is_there = true;
            (name, headers.filename) = disposition(value)?;
        } else if key.eq_ignore_ascii_case(b"content-type") {
            headers.kind = Some(text(value));
        }
    }
    Err("A FormData part has too many headers.".to_owned())
}

/// The name and the file's name in `form-data; name="a"; filename="b"`.
fn disposition(value: &[u8]) -> Result<(Option<String>, Option<String>), String> {
    let invalid = || "Invalid Content-Disposition header found in FormData part.".to_owned();
    let kind_end = memchr(b';', value).unwrap_or(value.len());
    let (kind, mut rest) = value.split_at(kind_end);
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return Err(format!(
            "Content-Disposition header for FormData part must have the value \"form-data\", \
             possibly followed by parameters. Got: \"{}\"",
            text(kind.trim_ascii())
        ));
    }
    let (mut name, mut filename) = (None, None);
    while let Some(parameters) = rest.strip_prefix(b";") {
        let parameters = parameters.trim_ascii_start();
        if parameters.is_empty() {
            break;
        }
        let equals = memchr(b'=', parameters).ok_or_else(invalid)?;
        let (key, value) = (parameters[..equals].trim_ascii(), &parameters[equals + 1..]);
        let (value, after) = parameter(value.trim_ascii_start()).ok_or_else(invalid)?;
        rest = after.trim_ascii_start();
        if key.eq_ignore_ascii_case(b"name") {
            name = Some(value);
        } else if key.eq_ignore_ascii_case(b"filename") {
            filename = Some(value);
        }
    }
    if rest.is_empty() || rest == b";" { Ok((name, filename)) } else { Err(invalid()) }
}

/// A parameter's value, quoted or not, and what follows it.
fn parameter(value: &[u8]) -> Option<(String, &[u8])> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let (value, rest) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
        return Some((text(value.trim_ascii()), rest));
    };
    // Not of the length of what is left: a header may have thousands of parameters.
    let mut plain = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let rest = quoted.get(at + 1..)?;
        match byte {
            b'"' => return Some((text(&plain), rest)),
            b'\\' if rest.starts_with(b"\\") || hides_a_quote(rest) => {
                plain.push(*bytes.next()?.1);
            }
            byte => plain.push(*byte),
        }
    }
    None
}

/// Whether a quote follows a backslash that belongs to the value. Browsers write a backslash as it is,
/// also where it is the last of the value.
fn hides_a_quote(rest: &[u8]) -> bool {
    let Some(after) = rest.strip_prefix(b"\"") else { return false };
    let after = after.trim_ascii_start();
    let is_last = match after.strip_prefix(b";") {
        Some(next) => {
            let next = next.trim_ascii_start();
            let key =
                next.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'*').count();
            key > 0 && next.get(key) == Some(&b'=')
        }
        None => after.is_empty(),
    };
    !is_last
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (String, Option<String>, Option<String>, String);

    fn read(body: &str) -> Result<Vec<Read>, String> {
        let parts = parts(body.as_bytes(), b"b")?.into_iter();
        Ok(parts
            .map(|(name, filename, kind, start, end)| {
                (name, filename, kind, body[start as usize..end as usize].to_owned())
            })
            .collect())
    }

    /// The one field of a form whose disposition has these parameters.
    fn named(parameters: &str) -> Result<(String, Option<String>), String> {
        let body = format!("--b\r\nContent-Disposition: form-data{parameters}\r\n\r\nx\r\n--b--");
        let (name, filename, _, content) = read(&body)?.remove(0);
        assert_eq!(content, "x");
        Ok((name, filename))
    }

    #[test]
    fn fields_and_files_are_found() {
        let body = "ignored\r\n--b \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                    --bb\r\n2\r\n--b\r\ncontent-disposition:form-data; filename=\"f.txt\"; name=f\r\n\
                    Content-Type: text/plain\r\n\r\n\r\n--b\r\nContent-Disposition: form-data; \
                    name=\"e\"\r\n\r\n--b--\r\nignored";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(body).unwrap(),
            [
                ("a".to_owned(), None, None, "1\r\n--bb\r\n2".to_owned()),
                ("f".to_owned(), some("f.txt"), some("text/plain"), String::new()),
                ("e".to_owned(), None, None, String::new()),
            ]
        );
        assert_eq!(read("--b--").unwrap(), []);
        assert_eq!(read("--b--\r\n").unwrap(), []);
        let plain = "--b\nContent-Disposition: form-data; name=\"a\"\n\n1\n--b--\n";
        assert_eq!(read(plain).unwrap(), [("a".to_owned(), None, None, "1".to_owned())]);
    }

    #[test]
    fn names_are_read_as_clients_write_them() {
        let cases = [
            (r#"; name="a""#, "a", None),
            (r#"; name="a;b=c""#, "a;b=c", None),
            ("; name=a", "a", None),
            (r#"; name="";"#, "", None),
            (r#"; name="a%22b""#, "a%22b", None),
            (r#"; name="a\"b""#, r#"a"b"#, None),
            (r#"; name="a\";b""#, r#"a";b"#, None),
            (r#"; name="f"; filename="C:\x\y.txt""#, "f", Some(r"C:\x\y.txt")),
            (r#"; name="f"; filename="a\""#, "f", Some(r"a\")),
            (r#"; name="a\"; filename="b""#, r"a\", Some("b")),
            (r#"; filename="日本.pdf"; name="f""#, "f", Some("日本.pdf")),
            (r#"; name="f"; filename="x"; filename*=UTF-8''y"#, "f", Some("x")),
        ];
        for (parameters, name, filename) in cases {
            let expected = (name.to_owned(), filename.map(str::to_owned));
            assert_eq!(named(parameters), Ok(expected), "{parameters}");
        }
        for parameters in ["", "; name", r#"; name="a"#, r#"; name="a" b"#, r#"; filename="x""#] {
            named(parameters).unwrap_err();
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let whole = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n2\r\n--b--";
        assert_eq!(read(whole).unwrap().len(), 2);
        for end in 0..whole.len() {
            let error = read(&whole[..end]).expect_err(&whole[..end]);
            assert!(error.ends_with('.'), "{error}");
        }
    }

    #[test]
    fn what_is_no_part_is_an_error() {
        let cases = [
            ("", "No initial boundary string (or you have a truncated message)."),
            ("--c\r\n\r\n", "No initial boundary string (or you have a truncated message)."),
            (
                "--b\r\n\r\nx\r\n--b--",
                "No valid Content-Disposition header found in FormData part.",
            ),
            ("--b\r\na\r\n\r\nx\r\n--b--", "FormData part had invalid headers."),
            (
                "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
                "Content-Disposition header for FormData part must have the value \"form-data\", \
                 possibly followed by parameters. Got: \"attachment\"",
            ),
        ];
        for (body, message) in cases {
            assert_eq!(read(body), Err(message.to_owned()), "{body}");
        }
        let many = format!("--b\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(read(&many), Err("A FormData part has too many headers.".to_owned()));
        let long = format!("--b\r\na: {}\r\n\r\n", "b".repeat(MAX_HEADERS_BYTES));
        assert_eq!(read(&long), Err("The headers of a FormData part are too long.".to_owned()));
        let part = "--b\nContent-Disposition: form-data; name=a\n\n\n";
        let form = |parts: usize| format!("{}--b--", part.repeat(parts));
        assert_eq!(read(&form(MAX_PARTS)).unwrap().len(), MAX_PARTS);
        let error = "The form has more than 10,000 parts.".to_owned();
        assert_eq!(read(&form(MAX_PARTS + 1)), Err(error));
    }
}
