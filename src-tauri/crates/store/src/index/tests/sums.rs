//! What lies below a folder, added up.

use super::*;

#[test]
fn files_that_claim_to_be_endless_are_added_up_all_the_same() {
    let dir = TempDir::new().unwrap();
    let index = open(&dir);
    let item = index.create_item(new_item("endless")).unwrap();
    let claimed = i64::MAX.cast_unsigned();
    let file = |name: &str| NewFile {
        path: format!("/data/folder/{name}").into(),
        name_in_item: format!("folder/{name}"),
        size: claimed,
        root: None,
        state: FileState::Part,
    };
    index.add_files(item, vec![file("a"), file("b")]).unwrap();
    let folders = index.folders_of_folder(item, "").unwrap();
    let told: Vec<_> = folders
        .iter()
        .map(|folder| {
            (
                folder.name.as_str(),
                folder.files,
                folder.bytes,
                folder.here,
            )
        })
        .collect();
    assert_eq!(told, [("folder", 2, claimed, 0)]);
}
