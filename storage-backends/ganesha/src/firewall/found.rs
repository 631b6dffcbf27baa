//! What of the table is in the kernel, and whether it is as it is to be. Changes nothing.

use super::ruleset::{self, TABLE};
use super::{PATIENCE, ports, told};
use crate::config::ExporterConfig;
use nftables::helper::{self, DEFAULT_NFT, NftablesError};
use serde_json::Value;
use std::collections::BTreeSet;
use tombolo_backend_api::{BackendError, Class};

/// What of the table there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// None.
    Absent,
    /// Everything, and so many addresses of nodes.
    AsItIsToBe {
        /// How many addresses pass.
        nodes: usize,
    },
    /// Something else than what is put there: it was changed, or made for other ports.
    Otherwise,
}

/// Looks at the table in the network namespace of this process.
///
/// # Errors
/// `Denied` if there is no program `nft`, or if it may not look.
pub async fn found(config: &ExporterConfig) -> Result<Found, BackendError> {
    let listed = helper::get_current_ruleset_raw_async(DEFAULT_NFT, ["list", "table", "inet", TABLE]);
    let listed = tokio::time::timeout(PATIENCE, listed).await;
    let late = |_| BackendError::not_done(Class::Waiting, format!("nft did not answer within {PATIENCE:?}"));
    match listed.map_err(late)? {
        Ok(text) => {
            let there: Value = serde_json::from_str(&text).unwrap_or_default();
            Ok(judge(&there, &ports(config)))
        }
        Err(NftablesError::NftFailed { stderr, .. }) if stderr.contains("No such file") => Ok(Found::Absent),
        Err(error) => Err(told(error)),
    }
}

fn judge(there: &Value, ports: &BTreeSet<u16>) -> Found {
    let wanted = serde_json::to_value(ruleset::ruleset(ports, &BTreeSet::new())).unwrap_or_default();
    let there = objects(there);
    // As commands the objects are wrapped: the table is added, deleted and added again.
    let wanted: Vec<_> = objects(&wanted)
        .into_iter()
        .filter_map(|command| command.get("add"))
        .collect();
    if parts(&wanted) != parts(&there) {
        return Found::Otherwise;
    }
    let elements = there
        .iter()
        .filter_map(|object| object.pointer("/set/elem")?.as_array());
    Found::AsItIsToBe {
        nodes: elements.map(Vec::len).sum(),
    }
}

fn objects(ruleset: &Value) -> Vec<&Value> {
    let objects = ruleset.get("nftables").and_then(Value::as_array);
    objects.into_iter().flatten().collect()
}

/// Chains, and what their rules say in their order, in one spelling.
fn parts(objects: &[&Value]) -> Vec<Value> {
    let chain = |object: &Value| {
        let chain = object.get("chain")?;
        let fields = ["name", "type", "hook", "prio", "policy"].map(|field| chain.get(field).cloned());
        Some(Value::from_iter(fields.map(Option::unwrap_or_default)))
    };
    let rule = |object: &Value| object.pointer("/rule/expr").map(plain);
    let parts = objects
        .iter()
        .filter_map(|object| chain(object).or_else(|| rule(object)));
    parts.collect()
}

/// nft writes a set of one as that one, and a verdict with nothing to say as null.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) if fields.is_empty() => Value::Null,
        Value::Object(fields) => match fields.get("set").and_then(Value::as_array).map(Vec::as_slice) {
            Some([one]) => plain(one),
            _ => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), plain(value)))
                    .collect(),
            ),
        },
        other => other.clone(),
    }
}
