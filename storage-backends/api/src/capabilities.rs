//! What a backend can do beyond making and discarding volumes, as data.

use serde::{Deserialize, Serialize};

/// What a backend can do beyond making and discarding volumes: plain data that the planner reads.
///
/// Each has a small trait that [`Backend`](crate::Backend) gives out, or is a promise about what it does anyway. The conformance
/// suite runs a capability's cases if, and only if, it is declared here, and tests that what is not declared refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// One volume may be mounted by several tenants: [`Share`](crate::Share).
    pub share: bool,
    /// A tenant's access can be taken away while it is mounted: [`Revoke`](crate::Revoke).
    pub revoke: bool,
    /// Read-only access is refused writes by the server, not only by the mount option. A promise of `mount`.
    pub read_only_enforced: bool,
    /// Snapshots of a volume: [`Snapshots`](crate::Snapshots).
    pub snapshot: bool,
    /// Copies of a volume: [`Clones`](crate::Clones).
    pub clone: bool,
    /// A volume's size can be changed where it is enforced: [`Resize`](crate::Resize).
    pub resize: bool,
    /// A volume's size is a limit, not bookkeeping: [`Quota`](crate::Quota), and a promise of `create`.
    pub quota: bool,
    /// What a volume uses can be asked: [`Measure`](crate::Measure).
    pub usage: bool,
    /// It keeps everybody but nodes away from its server, if it is told which those are: [`NodeAccess`](crate::NodeAccess).
    pub node_access: bool,
}

/// Each capability's name on the wire, and its place.
type Named = (&'static str, fn(&mut Capabilities) -> &mut bool);
const NAMES: [Named; 9] = [
    ("share", |c| &mut c.share),
    ("revoke", |c| &mut c.revoke),
    ("readOnlyEnforced", |c| &mut c.read_only_enforced),
    ("snapshot", |c| &mut c.snapshot),
    ("clone", |c| &mut c.clone),
    ("resize", |c| &mut c.resize),
    ("quota", |c| &mut c.quota),
    ("usage", |c| &mut c.usage),
    ("nodeAccess", |c| &mut c.node_access),
];

impl Capabilities {
    /// Everything that a backend can declare.
    pub const ALL: Self = Self {
        share: true,
        revoke: true,
        read_only_enforced: true,
        snapshot: true,
        clone: true,
        resize: true,
        quota: true,
        usage: true,
        node_access: true,
    };

    /// The names of those that are declared, in a fixed order.
    pub fn names(mut self) -> Vec<&'static str> {
        let declared = NAMES.iter().filter(|(_, place)| *place(&mut self));
        declared.map(|(name, _)| *name).collect()
    }

    /// Those of the given names; unknown ones are left out, as a newer version may have written them.
    pub fn of_names<S: AsRef<str>>(names: &[S]) -> Self {
        let mut declared = Self::default();
        for (name, place) in NAMES {
            *place(&mut declared) = names.iter().any(|n| n.as_ref() == name);
        }
        declared
    }

    /// Whether each tenant's way to a volume is something on the server, and not a mere path.
    pub fn has_exports(&self) -> bool {
        self.revoke || self.read_only_enforced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_fields_and_read_back() {
        let serde_json::Value::Object(fields) = serde_json::to_value(Capabilities::default()).unwrap() else {
            panic!("capabilities are an object");
        };
        for field in fields.keys() {
            let one = Capabilities::of_names(&[field, "fromTheFuture"]);
            assert_eq!(one.names(), [field.as_str()]);
        }
        assert_eq!(fields.len(), NAMES.len());
        assert_eq!(Capabilities::ALL.names().len(), NAMES.len());
    }
}
