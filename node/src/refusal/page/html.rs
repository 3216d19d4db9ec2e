//! A refusal in a browser: one small page that loads nothing, in the colours that the reader
//! prefers. Everything on it that came from elsewhere is escaped.

use std::fmt::Write as _;

use http::StatusCode;

use super::{Inside, Refusal};

const STYLE: &str = "\
:root{color-scheme:light dark;--red:light-dark(#b3261e,#ff8a80);--mark:light-dark(#fdeceb,#4a1f1c)}\
body{font:1rem/1.5 system-ui,sans-serif;margin:8vh auto;max-width:62rem;padding:0 1rem}\
h1{font-size:1.4rem;overflow-wrap:anywhere;white-space:pre-wrap}\
.thrown h1{color:var(--red)}\
h2{font-size:.8rem;font-weight:600;letter-spacing:.04em;margin:1.6rem 0 .4rem;opacity:.7}\
pre,dl{border:1px solid #8886;border-radius:.4rem;font:.85rem/1.55 ui-monospace,monospace;\
margin:0;overflow:auto;padding:.8rem 1rem}\
mark{background:var(--mark);color:inherit;display:inline-block;min-width:100%}\
dl{display:grid;gap:0 1.5rem;grid-template-columns:max-content 1fr}\
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}small,.what{opacity:.7}";

/// The page.
pub(super) fn page(refusal: &Refusal, status: StatusCode, inside: Option<&Inside>) -> String {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let mut page = String::with_capacity(4096);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    escape(&mut page, &title);
    page.push_str("</title><meta name=\"viewport\" content=\"width=device-width\"><style>");
    page.push_str(STYLE);
    match inside {
        None => page.push_str("</style></head><body><h1>"),
        Some(_) => page.push_str("</style></head><body class=\"thrown\"><p class=\"what\">"),
    }
    escape(&mut page, &title);
    match inside {
        None => page.push_str("</h1><p>"),
        Some(_) => page.push_str(" &middot; "),
    }
    escape(&mut page, &refusal.to_string());
    page.push_str("</p>");
    if let Some(inside) = inside {
        for_the_author(&mut page, inside);
    }
    // Writing to a string cannot fail.
    let _ = write!(page, "<p><small>Error {} ({})</small></p>", refusal.code(), refusal.outcome());
    page.push_str("</body></html>\n");
    page
}

fn for_the_author(page: &mut String, inside: &Inside) {
    let Inside { trace, facts } = inside;
    page.push_str("<h1>");
    escape(page, &trace.message);
    page.push_str("</h1>");
    if let Some(code) = &trace.code {
        page.push_str("<h2>");
        escape(page, &code.place);
        page.push_str("</h2><pre>");
        for line in code.lines.lines() {
            let marked = line.starts_with('>');
            page.push_str(if marked { "<mark>" } else { "" });
            escape(page, line);
            page.push_str(if marked { "</mark>\n" } else { "\n" });
        }
        page.push_str("</pre>");
    }
    if !trace.frames.is_empty() {
        page.push_str("<h2>Stack</h2><pre>");
        escape(page, &trace.frames);
        page.push_str("</pre>");
    }
    page.push_str("<h2>Request</h2><dl>");
    for (name, value) in facts {
        page.push_str("<dt>");
        escape(page, name);
        page.push_str("</dt><dd>");
        escape(page, value);
        page.push_str("</dd>");
    }
    page.push_str("</dl>");
}

/// Text as HTML text, also inside of attributes.
fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
}
