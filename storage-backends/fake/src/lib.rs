//! A storage backend in memory, with failures on command, for tests.
