//! UnixFS.
