//! Any existing NFS export as a storage backend, through a user-space client.
