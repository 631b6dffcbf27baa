//! The document that is checked in is what the code says. `UPDATE=1 cargo test -p tombolo-backend-remote --test openapi` rewrites it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use tombolo_backend_remote::openapi::text;

#[test]
fn the_document_on_disk_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let generated = text().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &generated).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == generated,
        "openapi.json is not what the code generates; run: UPDATE=1 cargo test -p tombolo-backend-remote --test openapi"
    );
}
