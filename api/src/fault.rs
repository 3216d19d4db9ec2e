//! What a request is answered with that is not done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of an answer whose status is no good one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub error: Problem,
}

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Why, in a word that stays the same.
    pub code: String,
    /// Why, for a person.
    pub message: String,
    /// What belongs to the code: the present revision, the stack of a failed start.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

impl Problem {
    /// All of it beside each other, as it is written.
    pub fn into_map(self) -> Map<String, Value> {
        let Self { code, message, details } = self;
        let own = [("code", code), ("message", message)];
        let own = own.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text)));
        own.chain(details).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_code_is_beside_it() {
        let text = r#"{"error":{"code":"precondition_failed","message":"no","revision":7}}"#;
        let refused: Refused = serde_json::from_str(text).unwrap();
        assert_eq!(refused.error.code, "precondition_failed");
        assert_eq!(refused.error.details["revision"], 7);
        assert_eq!(serde_json::to_string(&refused).unwrap(), text);
        let map = refused.error.into_map();
        assert_eq!((map.len(), &map["revision"]), (3, &Value::from(7)));
    }
}
