//! What devices offered, to us and by us. What stands in an offer is its owner's.

use rusqlite::params;

use super::{Index, Result};

/// Who made an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Another device.
    In,
    /// We.
    Out,
}

/// An offer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOffer {
    /// A number that is never used again.
    pub id: i64,
    pub way: Way,
    pub details: String,
}

impl Index {
    /// All offers, in the order in which they were made.
    pub fn offers(&self) -> Result<Vec<KeptOffer>> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT id, sent, details FROM offer ORDER BY id")?;
            let rows = select.query_map([], |row| {
                Ok(KeptOffer {
                    id: row.get(0)?,
                    way: if row.get(1)? { Way::Out } else { Way::In },
                    details: row.get(2)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Keeps a new offer, and gives its number.
    pub fn add_offer(&self, way: Way, details: String) -> Result<i64> {
        self.write(move |context| {
            let mut insert = context
                .connection
                .prepare_cached("INSERT INTO offer (sent, details) VALUES (?1, ?2)")?;
            insert.insert(params![way == Way::Out, details])
        })
    }

    /// Keeps what became of an offer.
    pub fn set_offer(&self, id: i64, details: String) -> Result<()> {
        self.write(move |context| {
            let mut update = context
                .connection
                .prepare_cached("UPDATE offer SET details = ?2 WHERE id = ?1")?;
            update.execute(params![id, details]).map(|_| ())
        })
    }

    /// Forgets offers.
    pub fn remove_offers(&self, ids: Vec<i64>) -> Result<()> {
        self.write(move |context| {
            let mut delete = context
                .connection
                .prepare_cached("DELETE FROM offer WHERE id = ?1")?;
            ids.iter()
                .try_for_each(|id| delete.execute([id]).map(|_| ()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_outlive_a_restart_and_their_numbers_are_used_once() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(dir.path()).unwrap().index;
        let add = |way, details: &str| index.add_offer(way, details.to_owned()).unwrap();
        let (asked, sent) = (add(Way::In, "asked"), add(Way::Out, "sent"));
        index.set_offer(sent, "taken".to_owned()).unwrap();
        index.remove_offers(vec![asked]).unwrap();
        drop(index);
        let index = Index::open(dir.path()).unwrap().index;
        let kept = KeptOffer {
            id: sent,
            way: Way::Out,
            details: "taken".to_owned(),
        };
        assert_eq!(index.offers().unwrap(), [kept]);
        index.remove_offers(vec![sent]).unwrap();
        let next = index.add_offer(Way::In, "next".to_owned()).unwrap();
        assert!(next > sent);
    }
}
