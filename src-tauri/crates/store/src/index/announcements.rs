//! What is announced to the public directory, and when it was last: it must outlive the process.

use rusqlite::params;
use unixfs::cid::Multihash;

use super::{Index, Result};

impl Index {
    /// What is announced, with the time (Unix seconds) at which it was last; 0: not yet.
    pub fn announcements(&self) -> Result<Vec<(Multihash, i64)>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT key, time FROM announced")?;
            let rows = select.query_map([], |row| {
                let mut bytes = row.get_ref(0)?.as_blob()?;
                Ok(Multihash::read(&mut bytes).ok().zip(Some(row.get(1)?)))
            })?;
            rows.filter_map(std::result::Result::transpose).collect()
        })
    }

    /// Adds a key to what is announced, or notes when it was.
    pub fn set_announced(&self, mh: &Multihash, time: i64) -> Result<()> {
        let key = mh.to_bytes();
        self.write(move |context| {
            let mut put = context
                .connection
                .prepare_cached("INSERT OR REPLACE INTO announced (key, time) VALUES (?1, ?2)")?;
            put.execute(params![key, time]).map(|_| ())
        })
    }

    /// Keys that are announced no more.
    pub fn forget_announced(&self, hashes: &[Multihash]) -> Result<()> {
        let keys: Vec<_> = hashes.iter().map(Multihash::to_bytes).collect();
        self.write(move |context| {
            let mut delete = context
                .connection
                .prepare_cached("DELETE FROM announced WHERE key = ?1")?;
            keys.iter()
                .try_for_each(|key| delete.execute([key]).map(|_| ()))
        })
    }
}
