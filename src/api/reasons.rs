//! Why something is as it is: one closed set of reasons for every kind of object that we speak on.
//!
//! A row is all there is to say of a reason in general: the type of its event, its [`Class`], and what its reader can do next.
//! What happened in particular is the message, which `report` writes. Nothing else invents a reason.

use kube::runtime::events::EventType;
use std::fmt;

/// What kind of failure a reason stands for; it decides when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Something was written that cannot be served: wait until it is changed.
    Invalid,
    /// Somebody has not agreed, or no longer agrees: wait until that changes.
    Denied,
    /// It will come right without anybody's doing: wait for it, and look now and then.
    Waiting,
    /// An attempt failed and nothing was done: try again, with a growing delay.
    Transient,
    /// Nobody knows whether the attempt was carried out: look before trying again.
    Unknown,
    /// A rule of ours was broken: slow down and say so.
    Bug,
}

/// One row: `Reason: EventType [Class] => "what the reader can do";` under a line that says what it means.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$meaning:meta])* $reason:ident: $event:ident $($class:ident)? => $next:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$meaning])* $reason,)*
        }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];

            /// As on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }

            /// The type of its event.
            pub const fn event_type(self) -> EventType {
                match self {
                    $(Self::$reason => EventType::$event,)*
                }
            }

            /// What kind of failure it is; `None`: no failure, and nothing to come back for.
            pub const fn class(self) -> Option<Class> {
                match self {
                    $(Self::$reason => reasons!(@class $($class)?),)*
                }
            }

            /// What its reader can do, in a sentence.
            pub const fn next_step(self) -> &'static str {
                match self {
                    $(Self::$reason => $next,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    (@class) => { None };
    (@class $class:ident) => { Some(Class::$class) };
}

mod snapshots;
pub use snapshots::SnapshotReason;

reasons! {
    /// Reasons on a PersistentVolumeClaim, and on a PersistentVolume where the row says so.
    ClaimReason {
        /// `shareFromPVC` does not name a claim in another namespace, or its two spellings differ.
        InvalidShareFrom: Warning Invalid =>
            "Set shareFromPVC to <namespace>/<claim> of a claim in another namespace, in one spelling or with one value in both.";
        /// An annotation under one of our prefixes has a key that we do not know.
        UnknownAnnotation: Warning Invalid =>
            "Correct or remove the annotation; nothing is provisioned while it might be a misspelt request.";
        /// The claim asks for a share and for something that excludes it.
        ConflictingSource: Warning Invalid =>
            "Make the claim again with one source only: a share, or a data source, selector, volume name or clone.";
        /// No reference in the claim's namespace names the source.
        ReferenceMissing: Warning Denied =>
            "Ask an admin for a VolumeReference in this namespace that names the source claim.";
        /// The source's owner does not share with the namespace, or there is no such claim: which, is not ours to tell.
        NotShared: Warning Denied =>
            "Check the name, and ask the owner of the source claim to share it with this namespace (shareToNamespace).";
        /// The source has no volume yet.
        SourceNotBound: Normal Waiting =>
            "Nothing to do: the claim goes on when its source is bound.";
        /// The source is being deleted.
        SourceTerminating: Warning Denied =>
            "Name another source; one that is being deleted takes no new members, and no new copy of it begins.";
        /// The source is itself a member of another claim's volume.
        SourceIsMember: Warning Invalid =>
            "Name the claim that owns the volume, not one that joined it; or, for a copy, ask its owner to allow that (cloneToNamespace).";
        /// The claim's StorageClass is not the source's, or, for a copy, not one of the source's backend.
        ClassMismatch: Warning Invalid =>
            "Make the claim again with the StorageClass of its source.";
        /// The access modes do not fit the source or the consent.
        AccessModeMismatch: Warning Invalid =>
            "Make the claim again with the access modes that the message names.";
        /// More is requested than the source holds.
        TooLarge: Warning Invalid =>
            "Make the claim again with a request no larger than its source.";
        /// The source's backend cannot be shared.
        BackendCannotShare: Warning Invalid =>
            "Ask an admin for a StorageClass whose backend can share.";
        /// The backend does not answer or is not ready.
        BackendUnavailable: Warning Waiting =>
            "Nothing to do for the claim, unless the message says so; an admin finds the cause in the StorageBackend's conditions.";
        /// A limit of the backend is used up.
        LimitReached: Warning Waiting =>
            "Delete what is no longer needed, or ask an admin to raise the StorageBackend's limits.";
        /// The StorageClass has parameters that cannot be served.
        InvalidParameters: Warning Invalid =>
            "Ask an admin to correct the StorageClass; classes are immutable, so it is deleted and made again.";
        /// The class's `pathPattern` gives no usable path for this claim.
        InvalidPath: Warning Invalid =>
            "Give the claim the labels and annotations that the class's pathPattern uses, with values that are plain names.";
        /// The path belongs to another volume, or lies above or below one.
        PathTaken: Warning Waiting =>
            "Choose values that give another path, or wait until the volume that has it is purged.";
        /// A list of namespaces on the owner's claim has a bad item, or its two spellings differ.
        InvalidShareTo: Warning Invalid =>
            "Correct the annotation; its good items keep granting meanwhile, and nothing counts as withdrawn.";
        /// `shareFromPVC` was edited after the claim had its volume.
        ShareFromChanged: Warning Invalid =>
            "Put the old value back, or make another claim: the volume of a bound claim does not change.";
        /// The owner or an admin no longer agrees to this member.
        ConsentWithdrawn: Warning Denied =>
            "Ask the owner of the source, or move the data: access may be cut if the owner asked for that.";
        /// The owner wrote `onRevoke: Cut`, and the backend cannot take access away.
        CutNotEnforced: Warning Invalid =>
            "Ask an admin for a StorageClass whose backend can revoke; until then a member keeps access until its claim is deleted.";
        /// The member's access was taken away.
        AccessCut: Warning Denied =>
            "Ask the owner of the source to share again; the same path then works again.";
        /// Consent came back, and access with it.
        AccessRestored: Normal =>
            "Nothing to do: pods that kept the volume open may have to be restarted.";
        /// The member is read-only by its mount alone.
        ReadOnlyNotEnforced: Normal =>
            "Nothing to do: the mount is read-only, but this backend's server would accept writes.";
        /// Another namespace joined the volume of this claim.
        MemberJoined: Normal =>
            "Nothing to do; edit shareToNamespace if that was not meant.";
        /// A member of this claim's volume has gone.
        MemberLeft: Normal =>
            "Nothing to do.";
        /// A claim that asked for a share or a source was bound to some other volume.
        BoundToOtherVolume: Warning Invalid =>
            "Do not use this claim: it does not hold what it asked for. Delete it and make it again.";
        /// The API server dropped the claim's data source.
        SourceDropped: Warning Invalid =>
            "Make the claim again in the form that the message names; this one would be empty.";
        /// The clone annotations cannot be understood.
        InvalidCloneFrom: Warning Invalid =>
            "Make the claim again with the annotations that the message names.";
        /// Nobody in the source's namespace has granted a copy of it to this one.
        NotGranted: Warning Denied =>
            "Ask the owner of the source for a ReferenceGrant from claims of this namespace; the claim then goes on by itself.";
        /// ReferenceGrants, by which copies across namespaces are consented to, cannot be read.
        GrantsUnavailable: Warning Waiting =>
            "Ask an admin to install the definition of ReferenceGrants and to let Tombolo read them.";
        /// The copy outgrew the claim, or has too many entries.
        SourceTooLarge: Warning Invalid =>
            "Make the claim again with a larger request, or copy a smaller source.";
        /// A copy is running.
        CopyProgress: Normal =>
            "Nothing to do: the claim is bound when the copy is complete.";
        /// The claim's data source is another controller's to fill.
        WaitingForPopulator: Normal =>
            "Nothing to do if a populator for this kind of data source is installed.";
        /// The data source is not ready to be read.
        SourceNotReady: Warning Waiting =>
            "Nothing to do: the claim goes on when its data source is ready.";
        /// No VolumePopulator is registered for the kind of the data source.
        UnrecognizedDataSourceKind: Warning Invalid =>
            "Ask an admin to install the populator of that kind, or name another data source.";
        /// The claim's class cannot serve its data source: its backend makes no copies, or it is another provisioner's.
        UnsupportedClass: Warning Invalid =>
            "Make the claim again with a StorageClass that serves this data source.";
        /// The source belongs to another provisioner and cannot be shared as it is.
        NotAdoptable: Warning Invalid =>
            "Copy the data to a claim of ours, or correct what the message names.";
        /// The claim has a `volumeAttributesClassName`.
        AttributesClassNotSupported: Warning Invalid =>
            "Remove volumeAttributesClassName, or make the claim again without it.";
        /// A PersistentVolume that had been deleted by force was made again.
        VolumeRecreated: Normal =>
            "Nothing to do: the data was still there.";
        /// A PersistentVolume was deleted by force, and cannot be made again.
        VolumeLost: Warning Invalid =>
            "Delete the claim and make it again; if the message says that data is left, ask an admin for it before.";
        /// On a PersistentVolume: its policy `Recycle` was set back to `Retain`.
        RecycleRefused: Warning Invalid =>
            "Set the reclaim policy to Delete or Retain: recycling would erase the data of every member.";
        /// A call may or may not have been carried out.
        OutcomeUnknown: Warning Unknown =>
            "Nothing to do: what is there is looked at before anything is tried again.";
        /// A rule of ours was broken.
        InternalError: Warning Bug =>
            "Ask an admin to look into the controller's log and report it.";
        /// Work on the claim has begun (as sig-storage-lib-external-provisioner says it).
        Provisioning: Normal =>
            "Nothing to do.";
        /// The claim's PersistentVolume exists (as sig-storage-lib-external-provisioner says it).
        ProvisioningSucceeded: Normal =>
            "Nothing to do.";
        /// An attempt failed (as sig-storage-lib-external-provisioner says it); the reason of ours comes first in the message.
        ProvisioningFailed: Warning Transient =>
            "Nothing to do: it is tried again. The message says what was in the way.";
        /// A bound claim's volume is being resized (as kubernetes-csi/external-resizer says it).
        Resizing: Normal =>
            "Nothing to do.";
        /// A bound claim has the size it asks for (as kubernetes-csi/external-resizer says it).
        VolumeResizeSuccessful: Normal =>
            "Nothing to do.";
        /// A bound claim does not get the size it asks for (as kubernetes-csi/external-resizer says it); the reason of ours comes first.
        VolumeResizeFailed: Warning Transient =>
            "Do what the message says; the claim keeps what it has. Its request may be lowered, but not down to that.";
        /// On a PersistentVolume: its data could not be removed (as sig-storage-lib-external-provisioner says it).
        VolumeFailedDelete: Warning Transient =>
            "Nothing to do: it is tried again. An admin finds the cause in the StorageBackend's conditions.";
    }
}

reasons! {
    /// Reasons on a StorageBackend.
    BackendReason {
        /// The root is marked as ours, and answers.
        Ready: Normal =>
            "Nothing to do.";
        /// It cannot be used, for a cause that the message names.
        Degraded: Warning Transient =>
            "Correct what the message names.";
        /// The root has no mark, or the mark of another backend: a disk may not be mounted.
        WrongRoot: Warning Waiting =>
            "Bring the right file system back under the export; nothing is deleted until its mark is found.";
        /// Its root lies in, above or on that of another StorageBackend.
        RootOverlaps: Warning Invalid =>
            "Delete this StorageBackend, and make it again with an export or subdirectory of its own.";
        /// Its root is marked by another cluster.
        OwnedByOtherCluster: Warning Invalid =>
            "Delete this StorageBackend, and make it again with another subdirectory.";
        /// The server does not answer.
        Unreachable: Warning Waiting =>
            "Check the server's name and port, its state, and that the controller may reach it.";
        /// The server answers and refuses to write.
        NotWritable: Warning Waiting =>
            "Export it read-write to the controller, without squashing the uid it sends.";
        /// No room is left.
        Full: Warning Waiting =>
            "Make room or add a StorageBackend; trash that is purged early helps at once.";
        /// More bytes may be promised than the file system has, as its limits ask.
        Overcommitted: Warning Waiting =>
            "Take overcommit off the limits, or watch freeBytes: writers within their limits can meet a full file system.";
        /// No more is promised than the file system has.
        WithinSize: Normal =>
            "Nothing to do.";
        /// So many consents ended at once that cutting waits for a human.
        MassRevocation: Warning Denied =>
            "Look at who is about to lose access; to go on, put the id from the message into the annotation confirmRevocation.";
    }
}

reasons! {
    /// Reasons on a SharedVolume.
    SharedVolumeReason {
        /// It has an owner and members.
        Shared: Normal =>
            "Nothing to do.";
        /// Its owner has gone; the members keep it.
        SoftDeleted: Normal =>
            "Nothing to do: the data goes when the last member has gone.";
        /// Its owner's claim waits for the members, as its class asks.
        HoldingOwner: Normal =>
            "Delete the members' claims to let the owner's claim go.";
        /// A member's consent has ended.
        ConsentWithdrawn: Warning Denied =>
            "Ask the member to leave; delete its claim if it must.";
        /// Whether consent still holds cannot be seen; nothing is changed meanwhile.
        ConsentUnknown: Warning Waiting =>
            "Bring back the CRD of the references, or the right to read them.";
        /// A member's consent ended or shrank to read-only, and its access did not.
        AccessNotReduced: Warning Denied =>
            "Ask the member to leave, or to make its claim again as ReadOnlyMany.";
        /// The owner's PersistentVolume is bound to a claim that we did not record, or was made available to anybody.
        UnexpectedClaim: Warning Invalid =>
            "Restore the PersistentVolume's claimRef, or give the volume to a claim by `tombolo reclaim`.";
        /// The volume's original provisioner can no longer delete it.
        OriginalProvisionerCannotDelete: Warning Invalid =>
            "The data was kept: remove it on the storage by hand when nobody needs it.";
        /// Removing data or access failed and is tried again.
        CleanupFailed: Warning Transient =>
            "Correct what the message names; it is tried again until it succeeds.";
    }
}

reasons! {
    /// Reasons on a VolumeReference or TridentVolumeReference.
    ReferenceReason {
        /// The source's owner shares with the reference's namespace.
        Accepted: Normal =>
            "Nothing to do: claims in this namespace may name the source.";
        /// The source's owner does not share with the reference's namespace, or there is no such claim.
        NotShared: Warning Denied =>
            "Check the name, and ask the owner of the source claim to share it with this namespace.";
        /// The reference can never have an effect.
        NoEffect: Warning Invalid =>
            "Delete it, and make one that names a claim in another namespace.";
    }
}

reasons! {
    /// Reasons on a CrossNamespaceSource.
    CrossSourceReason {
        /// Claims of its namespace may have copies of the source.
        Accepted: Normal =>
            "Nothing to do: claims in this namespace may use it as dataSourceRef.";
        /// Nobody in the source's namespace has granted copies of it to this one.
        NotGranted: Warning Denied =>
            "Ask the owner of the source for a ReferenceGrant from claims of this namespace.";
        /// ReferenceGrants cannot be read.
        GrantsUnavailable: Warning Waiting =>
            "Ask an admin to install the definition of ReferenceGrants and to let Tombolo read them.";
        /// It names nothing that can be copied.
        NoEffect: Warning Invalid =>
            "Delete it, and make one that names a PersistentVolumeClaim or a VolumeSnapshot.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `check` with name, event type, class and next step of every reason.
    fn each(mut check: impl FnMut(&'static str, EventType, Option<Class>, &'static str)) {
        macro_rules! all {
            ($($name:ident)*) => {$(
                for r in $name::ALL {
                    check(r.as_str(), r.event_type(), r.class(), r.next_step());
                    assert_eq!(r.to_string(), r.as_str());
                }
            )*};
        }
        all!(ClaimReason BackendReason SharedVolumeReason ReferenceReason CrossSourceReason SnapshotReason);
    }

    #[test]
    fn names_are_what_conditions_and_events_accept() {
        each(|name, _, _, next| {
            let mut bytes = name.bytes();
            assert!(bytes.next().unwrap().is_ascii_uppercase(), "{name}");
            assert!(bytes.all(|b| b.is_ascii_alphanumeric()) && name.len() <= 128, "{name}");
            assert!(next.ends_with('.') && next.len() <= 160, "{name}: {next}");
        });
    }

    #[test]
    fn a_failure_warns_and_what_is_no_failure_does_not() {
        each(|name, event, class, _| match (event, class) {
            (EventType::Normal, None) | (EventType::Warning, Some(_)) => {}
            (EventType::Normal, Some(class)) => assert_eq!((name, class), ("SourceNotBound", Class::Waiting)),
            (EventType::Warning, None) => panic!("{name} warns of nothing"),
        });
    }

    #[test]
    fn names_are_pinned_because_people_alert_on_them() {
        let list = |all: &[&str]| all.join(" ");
        let claim: Vec<_> = ClaimReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(
            list(&claim),
            "InvalidShareFrom UnknownAnnotation ConflictingSource ReferenceMissing NotShared SourceNotBound \
             SourceTerminating SourceIsMember ClassMismatch AccessModeMismatch TooLarge BackendCannotShare \
             BackendUnavailable LimitReached InvalidParameters InvalidPath PathTaken InvalidShareTo ShareFromChanged \
             ConsentWithdrawn CutNotEnforced AccessCut AccessRestored ReadOnlyNotEnforced MemberJoined MemberLeft BoundToOtherVolume \
             SourceDropped InvalidCloneFrom NotGranted GrantsUnavailable SourceTooLarge CopyProgress WaitingForPopulator SourceNotReady UnrecognizedDataSourceKind \
             UnsupportedClass NotAdoptable AttributesClassNotSupported VolumeRecreated VolumeLost RecycleRefused OutcomeUnknown \
             InternalError Provisioning ProvisioningSucceeded ProvisioningFailed Resizing VolumeResizeSuccessful VolumeResizeFailed \
             VolumeFailedDelete"
        );
        let backend: Vec<_> = BackendReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(
            list(&backend),
            "Ready Degraded WrongRoot RootOverlaps OwnedByOtherCluster Unreachable NotWritable Full Overcommitted WithinSize MassRevocation"
        );
        let shared: Vec<_> = SharedVolumeReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(
            list(&shared),
            "Shared SoftDeleted HoldingOwner ConsentWithdrawn ConsentUnknown AccessNotReduced UnexpectedClaim \
             OriginalProvisionerCannotDelete CleanupFailed"
        );
        let reference: Vec<_> = ReferenceReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(list(&reference), "Accepted NotShared NoEffect");
    }
}
