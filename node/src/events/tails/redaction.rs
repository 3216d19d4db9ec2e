//! What somebody who looks on does not see of an item: what may be a secret in the request. A worker that is
//! told of events gets them whole, and its own bindings cover them by the same rules.

use api::TraceItem;
use runtime::redact_request;
use serde_json::Value;

/// Covers what may be a secret in the request of an item.
pub(super) fn redact(item: &mut TraceItem) {
    let request = item.event.as_mut().and_then(|event| event.get_mut("request"));
    if let Some(request) = request.and_then(Value::as_object_mut) {
        redact_request(request);
    }
}

#[cfg(test)]
mod tests {
    use runtime::Detail;

    use super::super::item::item;
    use super::super::trace::{Trace, tests::report};
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_item_is_covered_where_it_is_a_request() {
        let mut report = report("shop", &format!("http://a.b/{HEX}"));
        let Some(Detail::Fetch(fetch)) = report.detail.as_deref_mut() else {
            panic!("it is a request")
        };
        fetch.headers.insert("cookie", "a=b".parse().unwrap());
        fetch.headers.insert("accept", "x".parse().unwrap());
        let mut shown = item(&Trace::new(report, Default::default()), None);
        redact(&mut shown);
        let request = &shown.event.as_ref().unwrap()["request"];
        assert_eq!(request["url"], "http://a.b/REDACTED");
        assert_eq!(request["headers"]["cookie"], "REDACTED");
        assert_eq!(request["headers"]["accept"], "x");
        shown.event = None;
        redact(&mut shown);
    }
}
