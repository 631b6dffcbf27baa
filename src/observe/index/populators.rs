//! What kinds populators have registered, and which claims that concerns: those that wait for one.

use super::{Index, Wake};
use crate::domain::populator::{Populator, Registration};
use crate::domain::served::Served;
use crate::domain::source::DataSource;
use crate::observe::work::Work;
use std::collections::{BTreeMap, BTreeSet};

/// All there is of them.
#[derive(Debug, Default)]
pub(super) struct Populators {
    by_name: BTreeMap<String, Populator>,
    served: Served,
}

impl Index {
    /// All VolumePopulators.
    pub fn populators(&self) -> impl Iterator<Item = &Populator> {
        self.populators.by_name.values()
    }

    /// Whether VolumePopulators can be read.
    pub const fn populators_served(&self) -> Served {
        self.populators.served
    }

    /// Whether somebody has registered the kind of a data source. One that no populator is asked to serve is not looked for.
    pub fn registration(&self, source: &DataSource) -> Registration {
        let DataSource::Populator { group, kind } = source else {
            return Registration::Unknown;
        };
        match self.populators.served {
            // What was known may have changed since nobody may look.
            Served::Unknown | Served::Forbidden => Registration::Unknown,
            Served::NotInstalled => Registration::NotInstalled,
            Served::Yes if self.populators().any(|p| p.serves(group, kind)) => Registration::Registered,
            Served::Yes => Registration::Unregistered,
        }
    }

    /// Whether VolumePopulators can be read, as it is by now.
    pub fn populators_are(&mut self, served: Served) -> Wake {
        if self.populators.served == served {
            return Wake::new();
        }
        self.populators.served = served;
        if served == Served::NotInstalled {
            self.populators.by_name.clear();
        }
        self.waiting_for_populators(|_| true)
    }

    /// A VolumePopulator is as given.
    pub fn put_populator(&mut self, new: Populator) -> Wake {
        let old = self.populators.by_name.insert(new.name.clone(), new.clone());
        if old.as_ref() == Some(&new) {
            return Wake::new();
        }
        let changed: Vec<Populator> = old.into_iter().chain([new]).collect();
        self.waiting_for_populators(|source| changed.iter().any(|p| is_of(p, source)))
    }

    /// A VolumePopulator is gone.
    pub fn remove_populator(&mut self, name: &str) -> Wake {
        match self.populators.by_name.remove(name) {
            Some(old) => self.waiting_for_populators(|source| is_of(&old, source)),
            None => Wake::new(),
        }
    }

    /// These are all VolumePopulators that there are; they can be read.
    pub fn reset_populators(&mut self, all: Vec<Populator>) -> Wake {
        let there: BTreeSet<&str> = all.iter().map(|p| p.name.as_str()).collect();
        let known = self.populators.by_name.keys();
        let gone: Vec<String> = known.filter(|name| !there.contains(name.as_str())).cloned().collect();
        let mut wake: Wake = gone.iter().flat_map(|name| self.remove_populator(name)).collect();
        wake.extend(all.into_iter().flat_map(|populator| self.put_populator(populator)));
        wake.extend(self.populators_are(Served::Yes));
        wake
    }

    fn waiting_for_populators(&self, concerned: impl Fn(&DataSource) -> bool) -> Wake {
        let waits = |source: &DataSource| matches!(source, DataSource::Populator { .. }) && concerned(source);
        let claims = self.pending().filter(|claim| waits(&claim.source));
        claims.map(|claim| Work::Claim(claim.key.clone())).collect()
    }
}

fn is_of(populator: &Populator, source: &DataSource) -> bool {
    matches!(source, DataSource::Populator { group, kind } if populator.serves(group, kind))
}

#[cfg(test)]
mod tests;
