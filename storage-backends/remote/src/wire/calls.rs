//! Every call of the API: a type, its path, its request and its answer. `server::serve` says which method of a backend it is.

use super::mount::Mount;
use super::{Call, Effect, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use tombolo_backend_api::{
    Admission, CreateVolume, Disposal, ExportKey, Exported, Found, Listed, Mark, Snapshot, SnapshotId, Space,
    TrashEntry, TrashId, Usage, VolumePath,
};

/// Asks nothing, or answers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Names a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtPath {
    /// Where it is below the root.
    pub path: VolumePath,
}

/// Names a trash entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfEntry {
    /// The entry.
    pub id: TrashId,
}

/// Names a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfSnapshot {
    /// The snapshot.
    pub id: SnapshotId,
}

/// A volume to take out of use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToDiscard {
    /// The volume.
    pub path: VolumePath,
    /// What becomes of its data.
    pub disposal: Disposal,
}

/// A trash entry to bring back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToRestore {
    /// The entry.
    pub id: TrashId,
    /// Where it goes.
    pub path: VolumePath,
}

/// A volume and its new size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToResize {
    /// The volume.
    pub path: VolumePath,
    /// Its limit from now on, in bytes.
    pub bytes: u64,
}

/// An export and what it lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToAdmit {
    /// Which.
    pub export: ExportKey,
    /// What it lets through from now on.
    pub admission: Admission,
}

/// Addresses at most of [`AdmitNodes`]: more than the nodes of the largest cluster have, with one address of each family.
pub const MOST_ADDRESSES: usize = 16_384;

/// Who may reach the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToAdmitNodes {
    /// Exactly these addresses; nobody, if there are none.
    #[schemars(schema_with = "addresses")]
    pub addresses: Vec<IpAddr>,
}

/// `IpAddr` has a format that JSON Schema does not know.
fn addresses(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": MOST_ADDRESSES,
        "items": { "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] },
    })
}

/// How deep a record may be nested: it comes back inside of a listing, which is read with a bound as well.
const DEEPEST_RECORD: usize = 32;

/// Whether a value is nested no deeper than `levels`.
fn is_flat(value: &serde_json::Value, levels: usize) -> bool {
    match (value, levels) {
        (serde_json::Value::Array(_) | serde_json::Value::Object(_), 0) => false,
        (serde_json::Value::Array(items), _) => items.iter().all(|item| is_flat(item, levels - 1)),
        (serde_json::Value::Object(fields), _) => fields.values().all(|field| is_flat(field, levels - 1)),
        _ => true,
    }
}

macro_rules! subjects {
    ($($request:ty: $this:ident => $subject:expr $(, $check:expr)?;)+) => {
        $(impl Subject for $request {
            fn subject(&self) -> String {
                let $this = self;
                $subject
            }
            $(fn check(&self) -> Result<(), &'static str> {
                let $this = self;
                $check
            })?
        })+
    };
}

subjects! {
    Nothing: _this => String::new();
    AtPath: this => this.path.to_string();
    OfEntry: this => this.id.to_string();
    OfSnapshot: this => this.id.to_string();
    ToDiscard: this => match &this.disposal {
        Disposal::Trash { id, .. } => format!("{} into the trash as {id}", this.path),
        Disposal::Archive { id } => format!("{} into the archive as {id}", this.path),
    }, match &this.disposal {
        Disposal::Trash { record, .. } if !is_flat(record, DEEPEST_RECORD) => Err("the record is nested too deeply"),
        _ => Ok(()),
    };
    ToRestore: this => format!("{} to {}", this.id, this.path);
    ToResize: this => format!("{} to {} bytes", this.path, this.bytes);
    ToAdmit: this => format!("{} to {:?}", this.export, this.admission);
    ToAdmitNodes: this => format!("{} addresses", this.addresses.len()), if this.addresses.len() > MOST_ADDRESSES {
        Err("too many addresses")
    } else {
        Ok(())
    };
    Mark: this => this.backend_id.to_string();
    ExportKey: this => this.to_string();
    CreateVolume: this => format!("{}, {} bytes, mode {:o}", this.path, this.bytes, this.mode), if this.mode > 0o7777 {
        Err("a mode has twelve bits")
    } else {
        Ok(())
    };
}

macro_rules! calls {
    ($($(#[doc = $about:literal])+ $name:ident: $effect:ident $path:literal $request:ty => $answer:ty $(, $longest:expr)?;)+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug)]
            pub struct $name;

            impl Call for $name {
                const PATH: &'static str = concat!("/v1/", $path);
                const ABOUT: &'static str = concat!($($about),+);
                const EFFECT: Effect = Effect::$effect;
                $(const LONGEST_BODY: usize = $longest;)?
                type Request = $request;
                type Answer = $answer;
            }
        )+

        /// Names every call, for whoever has something to do for each: `with!(Name)` is called with its type.
        macro_rules! for_every_call {
            ($with:ident) => { $($with!($name);)+ };
        }
        pub(crate) use for_every_call;
    };
}

calls! {
    /// The root's mark; null if the root exists and has none.
    ReadMark: Reads "mark/read" Nothing => Option<Mark>;
    /// Marks a root that has no mark, and answers the mark that is there afterwards.
    PlaceMark: Arranges "mark/place" Mark => Mark;
    /// The volume at a path; null if there is none.
    Inspect: Reads "volumes/inspect" AtPath => Option<Found>;
    /// Makes a volume; one that exists is success.
    Create: Changes "volumes/create" CreateVolume => Found;
    /// What a node mounts for a tenant to reach a volume. Makes the tenant's export where there is such a thing.
    MountVolume: Changes "volumes/mount" ExportKey => Mount;
    /// Takes a volume out of use in one step; one that is absent is success.
    Discard: Changes "volumes/discard" ToDiscard => Nothing;
    /// All directories directly below the root.
    ListVolumes: Lists "volumes/list" Nothing => Vec<Listed>;
    /// Removes a volume's directory if it is empty; false if it is not, or is gone.
    RemoveEmpty: Changes "volumes/remove-empty" AtPath => bool;
    /// Changes the limit of a volume.
    ResizeVolume: Changes "volumes/resize" ToResize => Found;
    /// What a volume uses; null if there is none.
    MeasureVolume: Reads "volumes/measure" AtPath => Option<Usage>;
    /// Stops copies into a volume that are not finished, and puts what they have written into the trash.
    AbandonCopy: Changes "volumes/abandon-copy" AtPath => Nothing;
    /// Room on the file system behind the root.
    ReadSpace: Reads "space/read" Nothing => Space;
    /// Bytes of volumes which are gone that others still hold.
    ReadPinned: Reads "space/pinned" Nothing => u64;
    /// Everything in the trash.
    ListTrash: Lists "trash/list" Nothing => Vec<TrashEntry>;
    /// Moves a trash entry to a path where nothing is.
    RestoreTrash: Changes "trash/restore" ToRestore => Nothing;
    /// Removes a record that has no volume.
    ForgetTrash: Changes "trash/forget" OfEntry => Nothing;
    /// All exports, cut ones among them.
    ListExports: Lists "exports/list" Nothing => Vec<Exported>;
    /// Removes an export for ever; one that is absent is success.
    ReleaseExport: Changes "exports/release" ExportKey => Nothing;
    /// Makes an export let through exactly this much.
    AdmitExport: Changes "exports/admit" ToAdmit => Nothing;
    /// The snapshot of a name, if it is complete; null otherwise.
    FindSnapshot: Reads "snapshots/find" OfSnapshot => Option<Snapshot>;
    /// All snapshots that are complete.
    ListSnapshots: Lists "snapshots/list" Nothing => Vec<Snapshot>;
    /// Removes a snapshot, complete or not; one that is absent is success.
    RemoveSnapshot: Changes "snapshots/remove" OfSnapshot => Nothing;
    /// Lets exactly these addresses reach the server.
    AdmitNodes: Arranges "nodes/admit" ToAdmitNodes => Nothing, 1 << 20;
}
