//! The API's document (OpenAPI 3.1), made from the same types as the routes. It is checked in as `openapi.json`.
//!
//! Schemas come from `schemars`, whose dialect (JSON Schema 2020-12) is that of OpenAPI 3.1; generators of whole documents
//! bring derives of their own, and each type of the backends' API would be described twice.

mod operations;
mod schemas;

use crate::wire::headers::{DEADLINE, LONGEST, REQUEST, REVISION, ROOT, SHORTEST};
use crate::wire::problem::Problem;
use crate::wire::{LIVENESS, PROBLEM_JSON};
use schemas::Schemas;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ABOUT: &str = "Any storage backend of Tombolo behind HTTP. Every call is idempotent, keyed by names that the caller \
    chose. Every failure says whether the work may have been done. Without valid credentials every request but that for \
    liveness gets the same answer. Integers are written without a fraction and an exponent.";

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = operations::paths(&mut schemas);
    let alive = json!({
        "operationId": "liveness",
        "tags": ["liveness"],
        "summary": "That the process lives. Tells nothing else, and needs no credentials.",
        "security": [],
        "responses": {
            "200": { "description": "It lives.", "content": { "text/plain": { "schema": { "const": "alive\n" } } } },
        },
    });
    paths.insert(LIVENESS.to_owned(), json!({ "get": alive }));
    let responses = responses(&mut schemas);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Tombolo storage backend",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "certificate": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "parameters": parameters(),
            "responses": responses,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "certificate": { "type": "mutualTLS" },
            },
        },
    })
}

/// The document as it is checked in.
///
/// # Errors
/// Never in practice: it is a JSON value.
pub fn text() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&document()).map(|text| text + "\n")
}

/// The headers that every request may have.
fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema });
    json!({
        "root": header(
            ROOT,
            "The backend id in the mark that the root must carry; nothing is changed below another.",
            json!({ "type": "string", "pattern": "^[A-Za-z0-9-]{1,63}$" }),
        ),
        "revision": header(
            REVISION,
            "The revision of the description that the caller knows; nothing is done under another.",
            json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        ),
        "deadline": header(
            DEADLINE,
            "Milliseconds that the caller waits.",
            json!({ "type": "integer", "minimum": SHORTEST.as_millis() as u64, "maximum": LONGEST.as_millis() as u64 }),
        ),
        "request": header(
            REQUEST,
            "How the logs of both sides name the request.",
            json!({ "type": "string", "format": "uuid" }),
        ),
    })
}

/// What each status of a problem means.
const PROBLEMS: [(u16, &str); 14] = [
    (400, "The request cannot be understood. Nothing was done."),
    (401, "No valid credentials were shown. The same for whatever was asked."),
    (403, "The storage refuses the backend."),
    (404, "No such operation is known here."),
    (405, "Not with this method."),
    (408, "The body did not arrive in time. Nothing was done."),
    (
        409,
        "The state of the storage does not allow it: something is in the way, missing, full, or too large.",
    ),
    (
        412,
        "The backend or its root is not what the caller expects. Nothing was done.",
    ),
    (413, "The body is too long. Nothing was done."),
    (415, "The body is no JSON by its type. Nothing was done."),
    (429, "The caller asks too much at once. Nothing was done."),
    (500, "A rule of the backend is broken."),
    (503, "The storage is away or busy."),
    (504, "The deadline passed before there was an answer."),
];

fn name(status: u16) -> String {
    format!("Problem{status}")
}

fn responses(schemas: &mut Schemas) -> Value {
    let schema = schemas.of::<Problem>();
    let response = |(status, description): (u16, &str)| {
        let mut response = json!({ "description": description, "content": { PROBLEM_JSON: { "schema": &schema } } });
        let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
        let headers = match status {
            401 => json!({ "WWW-Authenticate": header("How to show credentials.") }),
            405 => json!({ "Allow": header("The methods that there are.") }),
            429 | 503 => json!({ "Retry-After": header("Seconds after which to try again.") }),
            _ => Value::Null,
        };
        if let (Value::Object(fields), false) = (&mut response, headers.is_null()) {
            fields.insert("headers".to_owned(), headers);
        }
        (name(status), response)
    };
    Value::Object(PROBLEMS.map(response).into_iter().collect())
}

/// References to the problems that an operation can be answered with.
fn problems(statuses: &[u16]) -> Map<String, Value> {
    let known: BTreeMap<u16, &str> = PROBLEMS.into();
    let listed = statuses.iter().filter(|status| known.contains_key(status));
    let reference = |status: &u16| json!({ "$ref": format!("#/components/responses/{}", name(*status)) });
    listed.map(|status| (status.to_string(), reference(status))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::problem::Code;
    use tombolo_backend_api::{BackendError, Class};

    #[test]
    fn every_problem_is_described() {
        let described: Vec<u16> = PROBLEMS.iter().map(|(status, _)| *status).collect();
        for code in Code::ALL {
            assert!(
                described.contains(&Problem::refused(code, "").status().as_u16()),
                "{code:?}"
            );
        }
        use Class::*;
        for class in [Invalid, Denied, Waiting, Transient, Full, TooLarge, Bug] {
            let status = Problem::of(&BackendError::not_done(class, "")).status;
            assert!(described.contains(&status), "{class:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut open = vec![&document];
        let mut followed = 0;
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                        followed += 1;
                    }
                    open.extend(fields.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(followed > 100, "{followed}");
    }
}
