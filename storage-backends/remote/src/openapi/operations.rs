//! Every route, with everything that it can answer.

use super::problems;
use super::schemas::Schemas;
use crate::wire::calls::*;
use crate::wire::describe::Description;
use crate::wire::headers::Revision;
use crate::wire::operation::{LONGEST_WAIT, Operation, ToStart, ToStop};
use crate::wire::{Call, DESCRIPTION, JSON, OPERATIONS, STOP};
use serde_json::{Map, Value, json};

/// What every recognised caller can be answered.
const ANY: [u16; 3] = [400, 401, 429];
/// What a call can be answered besides: what is wrong with a body, and what a backend says.
const CALL: [u16; 12] = [400, 401, 403, 408, 409, 412, 413, 415, 429, 500, 503, 504];

pub(super) fn paths(schemas: &mut Schemas) -> Map<String, Value> {
    let mut paths = Map::new();
    macro_rules! path {
        ($call:ident) => {
            paths.insert($call::PATH.to_owned(), json!({ "post": call::<$call>(schemas) }));
        };
    }
    for_every_call!(path);
    paths.insert(DESCRIPTION.to_owned(), json!({ "get": describe(schemas) }));
    paths.insert(OPERATIONS.to_owned(), json!({ "post": start(schemas) }));
    paths.insert(STOP.to_owned(), json!({ "post": stop(schemas) }));
    let one = json!({
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": schemas.of::<Revision>() }],
        "get": look(schemas),
    });
    paths.insert(format!("{OPERATIONS}/{{id}}"), one);
    paths
}

fn call<C: Call>(schemas: &mut Schemas) -> Value {
    let words: Vec<_> = C::PATH.split('/').skip(2).collect();
    let mut operation = operation(
        &words.join("-"),
        words.first().copied().unwrap_or_default(),
        C::ABOUT.trim(),
    );
    put(
        &mut operation,
        "parameters",
        headers(&["root", "revision", "deadline", "request"]),
    );
    put(&mut operation, "requestBody", body(&schemas.of::<C::Request>()));
    put(&mut operation, "responses", answers(&schemas.of::<C::Answer>(), &CALL));
    operation
}

fn describe(schemas: &mut Schemas) -> Value {
    let mut operation = operation("describe", "backend", "What is constant about the backend.");
    put(&mut operation, "parameters", headers(&["request"]));
    put(&mut operation, "responses", answers(&schemas.of::<Description>(), &ANY));
    operation
}

fn start(schemas: &mut Schemas) -> Value {
    let about = "Starts work that takes long, or joins it if it is under way.";
    let mut operation = operation("operations-start", "operations", about);
    put(
        &mut operation,
        "parameters",
        headers(&["root", "revision", "deadline", "request"]),
    );
    put(&mut operation, "requestBody", body(&schemas.of::<ToStart>()));
    let mut responses = answers(&schemas.of::<Operation>(), &CALL);
    let id = "$response.body#/id";
    let links = json!({
        "look": { "operationId": "operations-look", "parameters": { "id": id } },
        "stop": { "operationId": "operations-stop", "requestBody": { "id": id } },
    });
    if let Some(Value::Object(done)) = responses.get_mut("200") {
        done.insert("links".to_owned(), links);
    }
    put(&mut operation, "responses", responses);
    operation
}

fn look(schemas: &mut Schemas) -> Value {
    let about = "Where an operation stands, after waiting for its end for so many milliseconds.";
    let mut operation = operation("operations-look", "operations", about);
    let mut parameters = headers(&["request"]);
    if let Value::Array(parameters) = &mut parameters {
        let schema = json!({ "type": "integer", "minimum": 0, "maximum": LONGEST_WAIT });
        parameters.push(json!({ "name": "wait", "in": "query", "required": false, "schema": schema }));
    }
    put(&mut operation, "parameters", parameters);
    put(
        &mut operation,
        "responses",
        answers(&schemas.of::<Operation>(), &[400, 401, 404, 429]),
    );
    operation
}

fn stop(schemas: &mut Schemas) -> Value {
    let about = "Stops an operation. What it has done so far stays done, and it can be started again.";
    let mut operation = operation("operations-stop", "operations", about);
    put(&mut operation, "parameters", headers(&["revision", "request"]));
    put(&mut operation, "requestBody", body(&schemas.of::<ToStop>()));
    let statuses = [400, 401, 404, 408, 412, 413, 415, 429];
    put(
        &mut operation,
        "responses",
        answers(&schemas.of::<Operation>(), &statuses),
    );
    operation
}

fn operation(id: &str, tag: &str, about: &str) -> Value {
    json!({ "operationId": id, "tags": [tag], "summary": about })
}

fn put(operation: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = operation {
        fields.insert(key.to_owned(), value);
    }
}

fn headers(names: &[&str]) -> Value {
    let reference = |name: &&str| json!({ "$ref": format!("#/components/parameters/{name}") });
    names.iter().map(reference).collect()
}

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { JSON: { "schema": schema } } })
}

fn answers(schema: &Value, statuses: &[u16]) -> Value {
    let mut responses = problems(statuses);
    let done = json!({ "description": "Done.", "content": { JSON: { "schema": schema } } });
    responses.insert("200".to_owned(), done);
    Value::Object(responses)
}
