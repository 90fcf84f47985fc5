//! What a person means by a path: `..`, `.` and `/` name a folder that has a name of its own.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::files::path_text;

/// The same place, by its own name and without `..`, which leads elsewhere behind a symlink than in front of it. What a symlink
/// leads to keeps the link's name.
pub fn named(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let back = |component: Component<'_>| component == Component::ParentDir;
    if !path.components().any(back) {
        return Ok(path);
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(real(parent)?.join(name)),
        _ => real(&path),
    }
}

/// Each path once: who names one twice means it once.
pub fn distinct(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut known = HashSet::new();
    let mut is_new = |path: &PathBuf| known.insert(named(path).unwrap_or_else(|_| path.clone()));
    paths.into_iter().filter(|path| is_new(path)).collect()
}

/// As a share of these paths is called: never by where it lies. Only a file system's root has no name.
pub fn share_name(paths: &[PathBuf]) -> String {
    let [path] = paths else {
        return format!("{} files", paths.len());
    };
    let own = named(path).unwrap_or_else(|_| path.clone());
    let own = own.file_name().unwrap_or("files".as_ref());
    path_text(Path::new(own))
}

/// Where a path leads, without symlinks.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is about what a path leads to; the result is opened and named by its last part, never shown whole"
    )]
    let real = fs_err::canonicalize(path)?;
    Ok(plain(real))
}

/// Few programs take paths that begin with two backslashes and a question mark.
#[cfg(windows)]
fn plain(path: PathBuf) -> PathBuf {
    let text = path.to_str().and_then(|text| text.strip_prefix(r"\\?\"));
    let is_drive = |text: &&str| text.as_bytes().get(1) == Some(&b':');
    text.filter(is_drive).map(PathBuf::from).unwrap_or(path)
}

#[cfg(not(windows))]
fn plain(path: PathBuf) -> PathBuf {
    path
}

#[cfg(all(test, unix))]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn a_folder_is_named_by_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let top = real(dir.path()).unwrap();
        fs::create_dir_all(top.join("x/y")).unwrap();
        fs_err::os::unix::fs::symlink(top.join("x/y"), top.join("link")).unwrap();
        let check = |path: &str, expected: &str| {
            assert_eq!(
                named(&top.join(path)).unwrap(),
                top.join(expected),
                "{path}"
            );
        };
        check("x/y/..", "x");
        check("x/y/.", "x/y");
        check("x/../x/y", "x/y");
        check("link", "link");
        check("x/../link", "link");
        check("link/..", "x");
        check("nothing", "nothing");
        assert_eq!(named(Path::new("/..")).unwrap(), Path::new("/"));
        let paths = ["x/y", "x/../x/y", "link", "x/y/."].map(|path| top.join(path));
        assert_eq!(
            distinct(paths.to_vec()),
            [top.join("x/y"), top.join("link")]
        );
    }
}
