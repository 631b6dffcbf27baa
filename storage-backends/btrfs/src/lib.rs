//! What Tombolo asks of the kernel's btrfs: subvolumes, snapshots, simple quotas, and a mount of its own for each subvolume.
//!
//! Everything goes by open descriptors and single names, so that nothing that a tenant plants can be followed, and no program is
//! run. It must not know what a volume is, nor decide what may be deleted. Errors are the kernel's own numbers.
//!
//! [`subvolume`] makes and removes them, [`quota`] limits them and tells what they use, [`mounts`] gives each a mount of its own, and [`Division`] tells how much
//! can be promised.
//! `ioctl` is the only place with `unsafe` code. There is a crate that wraps these calls, `btrfs-uapi`; it makes its structures with
//! bindgen while it is built, which takes a libclang on every machine that builds Tombolo, for the fourteen requests used here.

mod division;
mod ioctl;
pub mod mounts;
pub mod quota;
pub mod subvolume;
mod tree;

pub use division::Division;
pub use subvolume::SubvolumeId;
