//! The end of a story in words: what exists, without versions and UIDs that depend on how often something was tried.

mod snapshots;

use crate::world::World;
use std::collections::BTreeSet;
use tombolo::domain::access::MountMode;
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::PvName;
use tombolo::domain::pv::ReclaimPolicy;
use tombolo::domain::size;
use tombolo_backend_api::{Admission, ExportKey};

impl World {
    /// What is there, one thing after the other.
    pub fn what_is_left(&self) -> String {
        let mut lines = self.claims();
        lines.extend(self.volumes());
        lines.extend(self.directories());
        lines.extend(self.records());
        lines.extend(self.snapshots());
        lines.extend(self.contents());
        lines.extend(self.taken_snapshots());
        lines.extend(self.exports());
        if lines.is_empty() {
            "nothing".to_owned()
        } else {
            lines.join("; ")
        }
    }

    fn claims(&self) -> Vec<String> {
        let claims = self.out.cluster.store().all_claims();
        let line = |c: &tombolo::domain::claim::Claim| {
            let bound = c.volume_name.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
            let marks = [
                (c.terminating, " terminating"),
                (c.holds.contains(&Hold::Members), " held"),
                (c.holds.contains(&Hold::Copies), " in use"),
                (c.growth.step.is_some(), " growing"),
            ];
            // All begin with one.
            let grown = c.growth.capacity.filter(|bytes| *bytes != 1 << 30);
            let grown = grown
                .map(|bytes| format!(" {}", size::format(bytes)))
                .unwrap_or_default();
            format!("{} {:?}{bound}{grown}{}", c.key, c.phase, text(&marks))
        };
        claims.iter().map(|c| line(c)).collect()
    }

    fn volumes(&self) -> Vec<String> {
        let pvs = self.out.cluster.store().all_pvs();
        let line = |pv: &tombolo::domain::pv::Pv| {
            let role = if pv.is_member() { "member" } else { "owner" };
            let marks = [
                (pv.terminating, " terminating"),
                (!pv.tokens.is_empty(), " token"),
                (pv.policy == ReclaimPolicy::Retain, " Retain"),
                (pv.claim.is_none(), " free"),
                (pv.mount == MountMode::Csi, " csi"),
            ];
            format!("{role} {} {:?}{}", pv.name, pv.phase, text(&marks))
        };
        pvs.iter().map(|pv| line(pv)).collect()
    }

    fn directories(&self) -> Vec<String> {
        let tree = self.out.fake.tree();
        let here = tree.paths().filter(|p| !p.contains('/') && !p.starts_with('.'));
        let archived = tree
            .paths()
            .filter_map(|p| p.strip_prefix(".tombolo/archive/"))
            .filter(|p| !p.contains('/'));
        let filled = |path: String| {
            let own = |uid: &[u8]| path.ends_with(&format!("pvc-{}", String::from_utf8_lossy(uid)));
            match tree.read(&format!("{path}/bytes")) {
                Some(uid) if own(uid) => "",
                // Nobody has written to it since it was made.
                Some(_) => " copied",
                None => " empty",
            }
        };
        let here = here.map(|p| format!("data {p}{}", filled(p.to_owned())));
        let archived = archived.map(|p| format!("archived {p}{}", filled(format!(".tombolo/archive/{p}"))));
        here.chain(archived).collect()
    }

    /// Those that let through less than they were made for.
    fn exports(&self) -> Vec<String> {
        let narrowed = self
            .out
            .exports()
            .into_iter()
            .filter(|(_, admission)| *admission != Admission::Full);
        let line =
            |(key, admission): (ExportKey, Admission)| format!("{} {} of {}", admission.as_str(), key.tenant, key.path);
        narrowed.map(line).collect()
    }

    fn records(&self) -> Vec<String> {
        let records = self.leaders[0].ctx.ports.ledger.all();
        let line = |r: &tombolo::domain::record::Record| {
            let members: Vec<_> = r.members.keys().map(PvName::as_str).collect();
            let intent = r.intent.as_ref().map(|i| format!(" open {i}")).unwrap_or_default();
            format!("record {} {}{intent} [{}]", r.volume, r.state, members.join(" "))
        };
        records.iter().map(|r| line(r)).collect()
    }
}

fn text(marks: &[(bool, &str)]) -> String {
    let set: BTreeSet<&str> = marks.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    set.into_iter().collect()
}
