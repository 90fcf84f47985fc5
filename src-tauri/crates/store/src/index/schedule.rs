//! Small things that must outlive the process: what was announced when, and values under a name.

use rusqlite::{OptionalExtension, params};
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

    /// Puts a key on the schedule, or notes when it was announced.
    pub fn set_announced(&self, mh: &Multihash, time: i64) -> Result<()> {
        let key = mh.to_bytes();
        self.write(move |context| {
            let mut put = context
                .connection
                .prepare_cached("INSERT OR REPLACE INTO announced (key, time) VALUES (?1, ?2)")?;
            put.execute(params![key, time]).map(|_| ())
        })
    }

    /// Takes keys off the schedule.
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

    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
            select.query_row([key], |row| row.get(0)).optional()
        })
    }

    pub fn set_meta(&self, key: &str, value: &[u8]) -> Result<()> {
        let (key, value) = (key.to_owned(), value.to_vec());
        self.write(move |context| {
            let mut put = context
                .connection
                .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?;
            put.execute(params![key, value]).map(|_| ())
        })
    }
}
