//! Honest people stay friends, whatever happened to their files.
