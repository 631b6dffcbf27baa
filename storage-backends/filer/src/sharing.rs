//! Ways of tenants to volumes: an export of what is mounted, and never of anything that has no limit.

use crate::discard::hide;
use crate::exposed::Shown;
use crate::filer::{Filer, Kind};
use crate::subvolumes::Volume;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use tombolo_backend_api::{
    Admission, BackendError, Class, ExportKey, Exported, MountSource, NodeAccess, Revoke, Share, VolumePath,
};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::dir::{self, Standing};

/// Makes the directory that the server exports for a volume be there. The caller is alone with the volume.
pub(crate) async fn show(filer: &Filer, path: &VolumePath) -> Result<Shown, BackendError> {
    let (kind, below, path) = (filer.kind().clone(), filer.root_path().clone(), path.clone());
    filer
        .on_root(Work::Changes, move |root| {
            let none = || BackendError::not_done(Class::Invalid, format!("there is no volume {path} to export"));
            match kind {
                Kind::Directories => match dir::locate(root, &path)? {
                    Some((above, name)) => match dir::standing(&above, name)? {
                        Standing::Directory => Ok(Shown {
                            place: below.join(path.as_str()),
                            newly: false,
                        }),
                        Standing::Nothing => Err(none()),
                        Standing::SomethingElse => Err(dir::in_the_way(&path)),
                    },
                    None => Err(none()),
                },
                Kind::Subvolumes(exposed, _) => {
                    let volume = Volume::find(root, &path)?.ok_or_else(none)?;
                    if volume.found()?.enforced_bytes.is_none() {
                        let message = format!("{path} has no limit yet: it was not wholly made");
                        return Err(BackendError::not_done(Class::Transient, message));
                    }
                    exposed.show(&volume, &path)
                }
            }
        })
        .await
}

/// Makes a tenant's way to a volume.
pub(crate) async fn mount(filer: &Filer, export: &ExportKey) -> Result<MountSource, BackendError> {
    let _alone = filer.alone_with(&export.path).await;
    let shown = show(filer, &export.path).await?;
    filer.exported().ensure(export, &shown.place).await
}

#[async_trait]
impl Share for Filer {
    async fn release(&self, export: &ExportKey) -> Result<(), BackendError> {
        let _alone = self.alone_with(&export.path).await;
        self.exported().release(export).await?;
        let left = self.exported().exports().await?;
        if left.iter().any(|left| left.key.path == export.path) {
            return Ok(());
        }
        hide(self, &export.path).await
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        self.exported().exports().await
    }
}

#[async_trait]
impl Revoke for Filer {
    async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError> {
        let _alone = self.alone_with(&export.path).await;
        let directory = match admission {
            // Also when there is no volume any more: what is to be cut is cut.
            Admission::Cut => match self.kind() {
                Kind::Subvolumes(exposed, _) => exposed.place(&export.path),
                Kind::Directories => self.root_path().join(export.path.as_str()),
            },
            Admission::ReadOnly | Admission::Full => show(self, &export.path).await?.place,
        };
        self.exported().admit(export, &directory, admission).await
    }
}

#[async_trait]
impl NodeAccess for Filer {
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        self.exported().admit_nodes(addresses).await
    }
}
