//! Small values under a name that must outlive the process.

use rusqlite::{OptionalExtension, params};

use super::{Index, Result};

impl Index {
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
