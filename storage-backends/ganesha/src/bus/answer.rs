//! What the server says of its exports, read without trust in its shape: fields were added between versions.

use crate::ids::ExportId;
use ipnet::IpNet;
use std::collections::BTreeSet;
use tombolo_backend_api::{Access, BackendError, Class};
use zbus::{Message, Structure, Variant};

/// `EXPORT_OPTION_READ_ACCESS` and `EXPORT_OPTION_WRITE_ACCESS` of `src/include/nfs_exports.h`.
const READS: u32 = 0x20;
const WRITES: u32 = 0x40;

/// One of all exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its number, which may be 0 here.
    pub(crate) id: u16,
    /// Its pseudo path (with `mount_path_pseudo`, which our configuration has and the check asks for).
    pub(crate) pseudo: String,
}

/// An export in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Displayed {
    pub(crate) id: ExportId,
    pub(crate) directory: String,
    pub(crate) pseudo: String,
    pub(crate) clients: BTreeSet<Client>,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Client {
    /// The network; `None` if it is no network.
    pub(crate) network: Option<IpNet>,
    /// What it may do; `None` if that is neither reading nor both.
    pub(crate) access: Option<Access>,
}

fn unknown(what: &str) -> BackendError {
    BackendError::not_done(
        Class::Bug,
        format!("NFS-Ganesha answers {what} in a way that is not known"),
    )
}

fn number(value: Option<&Variant<'_>>) -> Option<u16> {
    match value {
        Some(Variant::U16(number)) => Some(*number),
        _ => None,
    }
}

fn text(value: Option<&Variant<'_>>) -> Option<String> {
    match value {
        Some(Variant::Str(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn structures<'a>(value: Option<&'a Variant<'a>>) -> Option<Vec<&'a Structure<'a>>> {
    let Some(Variant::Array(array)) = value else {
        return None;
    };
    let one = |value: &'a Variant<'a>| match value {
        Variant::Structure(structure) => Some(structure),
        _ => None,
    };
    array.inner().iter().map(one).collect()
}

impl Shown {
    /// Reads the answer of `ShowExports`: a time, and `(qs…)` for each export.
    pub(super) fn read(answer: &Message) -> Result<Vec<Self>, BackendError> {
        let body = answer.body();
        let read = || -> Option<Vec<Self>> {
            let body: Structure<'_> = body.deserialize().ok()?;
            let exports = structures(body.fields().get(1))?;
            let one = |export: &Structure<'_>| {
                Some(Self {
                    id: number(export.fields().first())?,
                    pseudo: text(export.fields().get(1))?,
                })
            };
            exports.into_iter().map(one).collect()
        };
        read().ok_or_else(|| unknown("ShowExports"))
    }
}

impl Displayed {
    /// Reads the answer of `DisplayExport`: `qsssa(siyyiuuuuu)`.
    pub(super) fn read(answer: &Message) -> Result<Self, BackendError> {
        let body = answer.body();
        let read = || {
            let body: Structure<'_> = body.deserialize().ok()?;
            let fields = body.fields();
            Some(Self {
                id: ExportId::new(number(fields.first())?)?,
                directory: text(fields.get(1))?,
                pseudo: text(fields.get(2))?,
                clients: structures(fields.get(4))?
                    .into_iter()
                    .map(Client::read)
                    .collect::<Option<_>>()?,
            })
        };
        read().ok_or_else(|| unknown("DisplayExport"))
    }
}

impl Client {
    fn read(client: &Structure<'_>) -> Option<Self> {
        let name = text(client.fields().first())?;
        let Some(Variant::U32(options)) = client.fields().get(8) else {
            return None;
        };
        let address = || name.parse::<std::net::IpAddr>().map(IpNet::from).ok();
        let network = name.parse().ok().or_else(address).map(|network: IpNet| network.trunc());
        let access = match (options & READS != 0, options & WRITES != 0) {
            (true, true) => Some(Access::ReadWrite),
            (true, false) => Some(Access::ReadOnly),
            (false, _) => None,
        };
        Some(Self { network, access })
    }
}
