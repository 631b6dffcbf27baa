//! What is constant about a backend, in one document: named by its revision once it was fetched. What there is to know for the admin
//! is in it too, and may change.

use super::headers::Revision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tombolo_backend_api::{Backend, Capabilities, RootLocation};

/// A backend as it stays for the life of a value, but for what the admin is to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Description {
    /// Names what is constant: it changes with the capabilities and with the root, and with nothing else.
    pub revision: Revision,
    /// Which process this is; another one after every start.
    pub instance: uuid::Uuid,
    /// Names of what it can do beyond making and discarding volumes. Those that a reader does not know it leaves out.
    pub capabilities: Vec<String>,
    /// Where its root lies.
    pub root: RootLocation,
    /// Something that works but not as configured, for the admin, at the moment.
    pub notice: Option<String>,
}

impl Description {
    /// Describes a backend.
    pub fn of(backend: &dyn Backend, instance: uuid::Uuid) -> Self {
        let (capabilities, root) = (backend.capabilities().names(), backend.root());
        Self {
            revision: Revision::of(&(&capabilities, &root.host, &root.path)),
            instance,
            capabilities: capabilities.into_iter().map(str::to_owned).collect(),
            root,
            notice: backend.notice(),
        }
    }

    /// The same, as it is to be told now.
    pub fn now(&self, backend: &dyn Backend) -> Self {
        Self {
            notice: backend.notice(),
            ..self.clone()
        }
    }

    /// What is declared, as far as this side knows it.
    pub fn declared(&self) -> Capabilities {
        Capabilities::of_names(&self.capabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tombolo_backend_fake::{ALL, Fake};

    #[test]
    fn the_revision_is_of_what_is_constant_and_of_nothing_else() {
        let of = |fake: Fake| Description::of(&fake, uuid::Uuid::new_v4());
        let one = of(Fake::new("a", ALL));
        assert_eq!(one.declared(), ALL);
        assert_eq!(one.revision, of(Fake::new("a", ALL)).revision, "another start");
        assert_ne!(one.revision, of(Fake::new("b", ALL)).revision);
        assert_ne!(one.revision, of(Fake::new("a", Capabilities::default())).revision);
    }

    #[test]
    fn a_capability_from_the_future_is_left_out() {
        let mut description = Description::of(&Fake::default(), uuid::Uuid::nil());
        description.capabilities.push("timeTravel".to_owned());
        assert_eq!(description.declared(), ALL);
    }
}
