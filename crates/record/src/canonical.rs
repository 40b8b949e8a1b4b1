//! One text for one JSON value: keys sorted, no spaces, numbers as `serde_json` writes them.

use serde_json::Value;

/// Deepest nesting that is taken; the same as where `serde_json` stops reading.
const MAXIMUM_DEPTH: usize = 127;

/// The canonical text; none where something is nested too deeply.
pub(crate) fn canonical(value: &Value) -> Option<String> {
    let mut text = String::new();
    write(value, &mut text, 0).then_some(text)
}

fn write(value: &Value, text: &mut String, depth: usize) -> bool {
    if depth > MAXIMUM_DEPTH {
        return false;
    }
    match value {
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                if !write(item, text, depth + 1) {
                    return false;
                }
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (at, (name, field)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                if !write(field, text, depth + 1) {
                    return false;
                }
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": 1, "a": "ü\n"}], "a": null});
        assert_eq!(canonical(&value).unwrap(), r#"{"a":null,"b":[{"a":"ü\n","z":1}]}"#);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let mut value = Value::Null;
        for _ in 0..200 {
            value = Value::Array(vec![value]);
        }
        assert!(canonical(&value).is_none());
    }
}
