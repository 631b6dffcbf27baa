//! Schemas of types, each defined once below `components`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// The schemas met so far.
pub(super) struct Schemas(SchemaGenerator);

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        });
        Self(settings.into_generator())
    }
}

impl Schemas {
    /// The schema of a type, as a reference where it has a name.
    pub fn of<T: JsonSchema>(&mut self) -> Value {
        bounded(self.0.subschema_for::<T>().to_value())
    }

    /// All that have a name.
    pub fn finish(mut self) -> Value {
        Value::Object(
            self.0
                .take_definitions(true)
                .into_iter()
                .map(|(name, schema)| (name, bounded(schema)))
                .collect(),
        )
    }
}

/// Numbers get the bounds that their formats only hint at.
fn bounded(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            let longest = match fields.get("format").and_then(Value::as_str) {
                Some("uint64") => Some(json!(u64::MAX)),
                Some("uint32") => Some(json!(u32::MAX)),
                Some("uint16") => Some(json!(u16::MAX)),
                _ => None,
            };
            if let Some(longest) = longest {
                fields.entry("maximum").or_insert(longest);
            }
            for field in fields.values_mut() {
                *field = bounded(field.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = bounded(item.take());
            }
        }
        _ => {}
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        let schema = bounded(json!({ "properties": { "n": { "type": "integer", "format": "uint32" } } }));
        assert_eq!(schema.pointer("/properties/n/maximum"), Some(&json!(u32::MAX)));
        let schema = bounded(json!({ "format": "uint32", "maximum": 7 }));
        assert_eq!(schema.get("maximum"), Some(&json!(7)));
    }
}
