//! A directory on one node as a storage backend.
