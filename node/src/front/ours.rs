//! Headers that nodes alone set: one that a client sends comes to no worker, which may take it for the
//! node's word. Not here: those of answers (`front/answer.rs`).

use http::HeaderName;
use http::request::Parts;
use runtime::Hops;
use smallvec::SmallVec;

use super::answer::OURS;

/// Removes them. Through how many workers the request has come is kept, in the head's extensions,
/// where this node has said it.
pub(super) fn take(parts: &mut Parts) {
    let is_ours = |name: &&HeaderName| name.as_str().starts_with(OURS);
    let ours: SmallVec<[HeaderName; 1]> = parts.headers.keys().filter(is_ours).cloned().collect();
    for name in ours {
        let value = parts.headers.remove(&name);
        if name == Hops::HEADER
            && let Some(hops) = value.as_ref().and_then(Hops::read)
        {
            parts.extensions.insert(hops);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn taken(headers: &[(&'static str, HeaderValue)]) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        for (name, value) in headers {
            parts.headers.append(HeaderName::from_static(name), value.clone());
        }
        take(&mut parts);
        parts
    }

    #[test]
    fn a_client_cannot_speak_for_the_node() {
        let one = HeaderValue::from_static("1");
        let parts = taken(&[
            ("isolane-error", one.clone()),
            ("isolane-hops", one.clone()),
            ("isolane-hops", HeaderValue::from_static("16.AAAA")),
            ("isolane-anything", one.clone()),
            ("x-isolane", one),
        ]);
        let names: Vec<_> = parts.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-isolane"]);
        assert_eq!(parts.extensions.get::<Hops>(), None);
    }

    #[test]
    fn what_the_node_has_sent_is_known_again() {
        let hops = Hops::default().next().next();
        let parts =
            taken(&[("isolane-hops", hops.value()), ("accept", HeaderValue::from_static("*/*"))]);
        assert_eq!(parts.extensions.get::<Hops>(), Some(&hops));
        assert_eq!(parts.headers.len(), 1);
    }
}
