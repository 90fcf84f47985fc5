//! What becomes of a database that was damaged, lost, or is none.

use super::*;

/// Damages the database of two items, one of them paused, and gives what opening it found.
fn reopen_damaged(damage: impl FnOnce(&Path)) -> (TempDir, Opened) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let first = index.create_item(new_item("first")).unwrap();
    index.set_item_root(first, raw_cid(b"root"), 1, 1).unwrap();
    index.set_item_done(first, true).unwrap();
    let second = index.create_item(new_item("second")).unwrap();
    index.set_item_state(second, ItemState::Paused).unwrap();
    let file = add_file(&index, first, "/data/a", "a");
    let rows = (0..2000_u32).map(|number| {
        let mh = hash(&number.to_le_bytes());
        BlockRow {
            mh,
            kind: RowKind::Slice {
                file,
                offset: u64::from(number),
                len: 1,
                framed: false,
            },
        }
    });
    index.put_blocks(first, rows.collect()).unwrap();
    drop(index);
    damage(dir.path());
    let opened = Index::open(dir.path()).unwrap();
    (dir, opened)
}

fn check_recovered(damage: impl FnOnce(&Path)) {
    let (dir, opened) = reopen_damaged(damage);
    let kept = opened.recovered.expect("the damage was noticed");
    assert!(kept.exists() && kept.starts_with(dir.path()));
    let items = opened.index.items().unwrap();
    let summary: Vec<_> = items
        .iter()
        .map(|item| (item.id.0, item.name.as_str(), item.done))
        .collect();
    assert_eq!(summary, [(1, "first", false), (2, "second", false)]);
    assert_eq!(items[0].root, Some(raw_cid(b"root")));
    assert_eq!(items[0].sources, [PathBuf::from("/home/me/photos")]);
    assert_eq!(items[1].state, ItemState::Paused);
    assert!(opened.index.create_item(new_item("third")).unwrap().0 > 2);
    drop(opened.index);
    assert_eq!(Index::open(dir.path()).unwrap().recovered, None);
}

#[test]
fn a_file_that_is_no_database_is_kept_and_replaced() {
    check_recovered(|dir| fs::write(dir.join("index.db"), vec![0x5a; 10_000]).unwrap());
}

#[test]
fn a_database_with_a_hole_in_the_middle_is_kept_and_replaced() {
    check_recovered(|dir| {
        let path = dir.join("index.db");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 8 * 4096 / 4096;
        let end = bytes.len() - 4096;
        bytes[middle.max(4096)..end].fill(0xa5);
        fs::write(&path, bytes).unwrap();
    });
}

#[test]
fn a_truncated_database_is_kept_and_replaced() {
    check_recovered(|dir| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(dir.join("index.db"))
            .unwrap();
        file.set_len(4096 * 3 + 17).unwrap();
    });
}

#[test]
fn damage_that_was_met_at_work_is_repaired_at_the_next_start() {
    check_recovered(recovery::mark_damaged);
}

#[test]
fn of_many_damaged_databases_the_last_are_kept() {
    let dir = TempDir::new().unwrap();
    let mut last = None;
    for _ in 0..12 {
        fs::write(dir.path().join("index.db"), vec![0x5a; 10_000]).unwrap();
        last = Index::open(dir.path()).unwrap().recovered;
    }
    let names = fs::read_dir(dir.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut kept: Vec<String> = names.filter(|name| name.contains("damaged")).collect();
    kept.sort();
    let expected = [10, 11, 12].map(|number| format!("index.db.damaged-{number}"));
    assert_eq!(kept, expected);
    assert_eq!(last, Some(dir.path().join("index.db.damaged-12")));
}

#[test]
fn a_database_that_was_deleted_comes_back_with_its_items() {
    let (_dir, opened) = reopen_damaged(|dir| fs::remove_file(dir.join("index.db")).unwrap());
    assert_eq!(opened.recovered, None);
    let items = opened.index.items().unwrap();
    let names: Vec<_> = items
        .iter()
        .map(|item| (item.name.as_str(), item.done))
        .collect();
    assert_eq!(names, [("first", false), ("second", false)]);
}

#[test]
fn a_damaged_list_of_shares_does_not_keep_the_database_from_opening() {
    let (_dir, opened) = reopen_damaged(|dir| {
        fs::write(dir.join("index.db"), b"nonsense").unwrap();
        fs::write(dir.join("shares.json"), b"[{\"id\":").unwrap();
    });
    assert!(opened.recovered.is_some());
    assert!(opened.index.items().unwrap().is_empty());
    let kept = opened.incomplete.expect("it is kept before it is replaced");
    assert_eq!(fs::read(kept).unwrap(), b"[{\"id\":");
}

#[test]
fn of_a_list_of_shares_that_breaks_off_all_before_comes_back() {
    let (dir, opened) = reopen_damaged(|dir| {
        fs::write(dir.join("index.db"), b"").unwrap();
        let list = dir.join("shares.json");
        let whole = fs::read(&list).unwrap();
        fs::write(list, &whole[..whole.len() - 20]).unwrap();
    });
    let items = opened.index.items().unwrap();
    let names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["first"]);
    assert_eq!(
        opened.incomplete,
        Some(dir.path().join("shares.old-1.json"))
    );
}

#[test]
fn a_value_that_nobody_wrote_is_damage() {
    // SQLite checks its pages, not what stands in them.
    check_recovered(|dir| {
        let path = dir.join("index.db");
        let mut bytes = fs::read(&path).unwrap();
        let details = b"unixfs-v1-2025\"";
        for at in 0..bytes.len() - details.len() {
            if bytes[at..].starts_with(details) {
                bytes[at + details.len() - 1] = b'x';
            }
        }
        fs::write(&path, bytes).unwrap();
    });
}

#[test]
fn a_database_that_says_another_version_than_it_has_is_damaged() {
    check_recovered(|dir| {
        let path = dir.join("index.db");
        let mut bytes = fs::read(&path).unwrap();
        // The user's version of the header (SQLite's file format, 1.3).
        bytes[60..64].fill(0);
        fs::write(&path, bytes).unwrap();
    });
}

#[test]
fn items_of_one_number_in_the_list_all_come_back() {
    let (dir, opened) = reopen_damaged(|dir| {
        fs::write(dir.join("index.db"), b"").unwrap();
        let list = dir.join("shares.json");
        let text = fs::read_to_string(&list).unwrap();
        let odd = text
            .replace("\"id\": 2", "\"id\": 1")
            .replace("\"first\"", "\"one\"");
        assert_ne!(text, odd);
        fs::write(list, odd).unwrap();
    });
    let items = opened.index.items().unwrap();
    let names: Vec<_> = items
        .iter()
        .map(|item| (item.id.0, item.name.as_str()))
        .collect();
    assert_eq!(names, [(1, "one"), (2, "second")]);
    assert_eq!(
        opened.incomplete,
        Some(dir.path().join("shares.old-1.json"))
    );
    assert!(opened.index.create_item(new_item("third")).unwrap().0 > 2);
}

#[test]
fn what_is_no_file_in_the_place_of_a_database_is_kept_and_replaced() {
    check_recovered(|dir| {
        fs::remove_file(dir.join("index.db")).unwrap();
        fs::create_dir(dir.join("index.db")).unwrap();
    });
}

#[test]
fn damage_that_a_look_up_meets_is_noted_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("first")).unwrap();
    let file = add_file(&index, id, "/data/a", "a");
    let rows = (0..20_000_u32).map(|number| {
        let kind = RowKind::Slice {
            file,
            offset: u64::from(number),
            len: 1,
            framed: false,
        };
        BlockRow {
            mh: hash(&number.to_le_bytes()),
            kind,
        }
    });
    index.put_blocks(id, rows.collect()).unwrap();
    drop(index);
    // Large enough not to be checked at the start.
    let path = dir.path().join("index.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE ballast (x); INSERT INTO ballast VALUES (zeroblob(17000000));")
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100_000..1_500_000].fill(0xa5);
    fs::write(&path, bytes).unwrap();

    let opened = Index::open(dir.path()).unwrap();
    assert_eq!(opened.recovered, None, "not seen at once");
    assert!(matches!(
        slices(&opened.index, file),
        Err(IndexError::Damaged(_))
    ));
    drop(opened);
    let opened = Index::open(dir.path()).unwrap();
    assert!(opened.recovered.is_some());
    assert_eq!(opened.index.items().unwrap()[0].name, "first");
}
