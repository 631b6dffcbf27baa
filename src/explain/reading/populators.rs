//! Who has registered the kind of a claim's data source.

use super::{Input, Reading};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::populator::Populator;
use crate::domain::served::Served;
use crate::domain::source::DataSource;
use crate::execute::api_server::fault;
use crate::execute::cluster::ApiError;
use crate::observe::project::{POPULATORS, populator};
use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::{Api, Client};

impl Reading {
    /// If it is one that a populator has to serve, and that matters.
    pub(super) async fn populators(&mut self, claim: &Claim) {
        if claim.phase != ClaimPhase::Pending || !matches!(claim.source, DataSource::Populator { .. }) {
            return;
        }
        let found = all(&self.client).await;
        match self.seen(Input::Populators, "VolumePopulators", found) {
            Some(Some(all)) => drop(self.index.reset_populators(all)),
            Some(None) => drop(self.index.populators_are(Served::NotInstalled)),
            None => {}
        }
    }
}

/// All VolumePopulators; `None`: their definition is not installed.
async fn all(client: &Client) -> Result<Option<Vec<Populator>>, ApiError> {
    let Some(resource) = POPULATORS.served(client).await.map_err(fault)? else {
        return Ok(None);
    };
    let objects = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let list = objects.list(&ListParams::default()).await.map_err(fault)?;
    Ok(Some(list.items.iter().filter_map(populator).collect()))
}
