//! Bitswap.
