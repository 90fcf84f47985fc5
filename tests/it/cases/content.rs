//! Content as others make it: other hash functions, entries that are no files, odd CARs, blocks that nobody has.
