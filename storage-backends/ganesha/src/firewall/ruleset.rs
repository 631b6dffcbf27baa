//! The table as a value.

use nftables::batch::Batch;
use nftables::expr::{Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField, SetItem};
use nftables::schema::{Chain, NfListObject, Nftables, Rule, Set, SetType, SetTypeValue, Table};
use nftables::stmt::{Accept, Drop, Match, Operator, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Name of our table, of family `inet`.
pub const TABLE: &str = "tombolo_filer";
const CHAIN: &str = "nfs";
const NODES_V4: &str = "nodes_v4";
const NODES_V6: &str = "nodes_v6";
/// Before the usual filters (priority 0): what is accepted here they still see, what is dropped here they need not.
const PRIORITY: i32 = -10;

/// Everything in one transaction: the table of before goes, the new one comes.
pub(super) fn ruleset(ports: &BTreeSet<u16>, nodes: &BTreeSet<IpAddr>) -> Nftables<'static> {
    let mut batch = Batch::new();
    let table = || {
        NfListObject::Table(Table {
            family: NfFamily::INet,
            name: TABLE.into(),
            handle: None,
        })
    };
    // To delete what may not be there is an error; to add what is there is not.
    batch.add(table());
    batch.delete(table());
    batch.add(table());
    let canonical: BTreeSet<_> = nodes.iter().map(IpAddr::to_canonical).collect();
    let (v4, v6): (Vec<_>, Vec<_>) = canonical.into_iter().partition(IpAddr::is_ipv4);
    batch.add(set(NODES_V4, SetType::Ipv4Addr, &v4));
    batch.add(set(NODES_V6, SetType::Ipv6Addr, &v6));
    batch.add(NfListObject::Chain(Chain {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: CHAIN.into(),
        _type: Some(NfChainType::Filter),
        hook: Some(NfHook::Input),
        prio: Some(PRIORITY),
        policy: Some(NfChainPolicy::Accept),
        ..Chain::default()
    }));
    let accept = || Statement::Accept(Some(Accept {}));
    let loopback = equal(NamedExpression::Meta(Meta { key: MetaKey::Iif }), text("lo"));
    batch.add(rule(vec![loopback, accept()]));
    // What is dropped on UDP is not served; it is dropped so that it does not matter whether it is.
    for transport in ["tcp", "udp"] {
        for (network, set) in [("ip", "@nodes_v4"), ("ip6", "@nodes_v6")] {
            let node = equal(field(network, "saddr"), text(set));
            batch.add(rule(vec![served(transport, ports), node, accept()]));
        }
        batch.add(rule(vec![served(transport, ports), Statement::Drop(Some(Drop {}))]));
    }
    batch.to_nftables()
}

fn set(name: &'static str, of: SetType, addresses: &[IpAddr]) -> NfListObject<'static> {
    let elements: Vec<_> = addresses
        .iter()
        .map(|address| Expression::String(address.to_string().into()))
        .collect();
    NfListObject::Set(Box::new(Set {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: name.into(),
        set_type: SetTypeValue::Single(of),
        elem: (!elements.is_empty()).then(|| elements.into()),
        ..Set::default()
    }))
}

fn text(text: &'static str) -> Expression<'static> {
    Expression::String(text.into())
}

fn field(protocol: &'static str, field: &'static str) -> NamedExpression<'static> {
    NamedExpression::Payload(Payload::PayloadField(PayloadField {
        protocol: protocol.into(),
        field: field.into(),
    }))
}

fn equal(left: NamedExpression<'static>, right: Expression<'static>) -> Statement<'static> {
    Statement::Match(Match {
        left: Expression::Named(left),
        right,
        op: Operator::EQ,
    })
}

/// Whether a packet goes to one of the ports.
fn served(transport: &'static str, ports: &BTreeSet<u16>) -> Statement<'static> {
    let ports = ports
        .iter()
        .map(|port| SetItem::Element(Expression::Number(u32::from(*port))));
    equal(
        field(transport, "dport"),
        Expression::Named(NamedExpression::Set(ports.collect())),
    )
}

fn rule(statements: Vec<Statement<'static>>) -> NfListObject<'static> {
    NfListObject::Rule(Rule {
        family: NfFamily::INet,
        table: TABLE.into(),
        chain: CHAIN.into(),
        expr: statements.into(),
        ..Rule::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_table_goes_in_the_transaction_in_which_the_new_one_comes() {
        let nodes = ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.8"].map(|node| node.parse().unwrap());
        let ruleset = ruleset(&[2049, 20048].into(), &nodes.into());
        let value = serde_json::to_value(ruleset).unwrap();
        let commands = value["nftables"].as_array().unwrap();
        let table = serde_json::json!({"table": {"family": "inet", "name": "tombolo_filer"}});
        assert_eq!(commands[0]["add"], table);
        assert_eq!(commands[1]["delete"], table);
        assert_eq!(commands[2]["add"], table);
        assert_eq!(
            commands[3]["add"]["set"]["elem"],
            serde_json::json!(["192.0.2.7", "192.0.2.8"])
        );
        assert_eq!(commands[4]["add"]["set"]["elem"], serde_json::json!(["2001:db8::7"]));
        let all = value.to_string();
        assert_eq!(all.matches("\"table\":\"tombolo_filer\"").count(), 10, "{all}");
        assert_eq!(all.matches("\"drop\"").count(), 2);
    }
}
