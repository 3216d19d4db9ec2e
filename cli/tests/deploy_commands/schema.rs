//! The part of JSON Schema that the description of the admin API uses. A keyword that is not known
//! here is a failure: it would not be checked.

use serde_json::Value;

/// Checks a value against a schema; `root` is where references lead.
pub(crate) fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let object = schema.as_object().ok_or_else(|| format!("{schema} is no schema"))?;
    for (keyword, wanted) in object {
        check_keyword(root, keyword, wanted, value, schema)
            .map_err(|problem| format!("{problem}\n  in {value}"))?;
    }
    Ok(())
}

fn check_keyword(
    root: &Value,
    keyword: &str,
    wanted: &Value,
    value: &Value,
    schema: &Value,
) -> Result<(), String> {
    let fits = match keyword {
        "description" => true,
        "$ref" => {
            let pointer = wanted.as_str().and_then(|it| it.strip_prefix('#')).unwrap_or_default();
            let schema = root.pointer(pointer).ok_or_else(|| format!("{wanted} leads nowhere"))?;
            return check(root, schema, value);
        }
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|wanted| is_of(value, wanted)),
            wanted => is_of(value, wanted),
        },
        "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
        "anyOf" => {
            let all = wanted.as_array().ok_or("anyOf has no list")?;
            all.iter().any(|schema| check(root, schema, value).is_ok())
        }
        "required" => {
            let names = wanted.as_array().ok_or("required has no list")?;
            names.iter().all(|name| value.get(name.as_str().unwrap_or_default()).is_some())
        }
        "properties" => {
            for (name, schema) in wanted.as_object().ok_or("properties has no object")? {
                if let Some(value) = value.get(name) {
                    check(root, schema, value).map_err(|problem| format!("{name}: {problem}"))?;
                }
            }
            true
        }
        "additionalProperties" => {
            let known = &schema["properties"];
            let names = value.as_object().into_iter().flat_map(|object| object.keys());
            *wanted == Value::Bool(false) && names.into_iter().all(|it| known.get(it).is_some())
        }
        "items" => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                check(root, wanted, item).map_err(|problem| format!("[{index}]: {problem}"))?;
            }
            true
        }
        "minimum" => value.as_i64() >= wanted.as_i64(),
        "maxLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() as u64 <= wanted.as_u64().unwrap()),
        "pattern" => {
            // The one pattern that there is.
            assert_eq!(wanted, "^[0-9a-f]{64}$");
            let text = value.as_str().unwrap_or_default();
            text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        }
        other => return Err(format!("the keyword {other} is not known")),
    };
    if fits { Ok(()) } else { Err(format!("{keyword} is {wanted}")) }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[test]
fn a_value_that_does_not_fit_is_found() {
    let schema: Value = serde_json::from_str(
        r##"{ "type": "object", "required": ["a"], "additionalProperties": false,
             "properties": { "a": { "type": ["integer", "null"], "minimum": 1 },
                             "b": { "type": "array", "items": { "$ref": "#/s" } } } }"##,
    )
    .unwrap();
    let root = serde_json::json!({ "s": { "anyOf": [{ "enum": ["x"] }, { "type": "boolean" }] } });
    let fits = |text: &str| check(&root, &schema, &serde_json::from_str(text).unwrap()).is_ok();
    for good in [r#"{"a":1}"#, r#"{"a":7,"b":["x",true,false]}"#, r#"{"a":2,"b":[]}"#] {
        assert!(fits(good), "{good}");
    }
    for bad in ["7", "{}", r#"{"a":0}"#, r#"{"a":1.5}"#, r#"{"a":1,"c":1}"#, r#"{"a":1,"b":["y"]}"#]
    {
        assert!(!fits(bad), "{bad}");
    }
    assert!(check(&root, &serde_json::json!({ "oneOf": [] }), &root).is_err());
}
