//! Which symlinks of strangers may be made: only those that cannot lead out of the item.

use std::path::PathBuf;

use thiserror::Error;

use crate::fetch::limits::MAX_TARGET_BYTES;

/// Why a symlink is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum UnsafeTarget {
    #[error("the symlink points outside the item")]
    Outside,
    #[error("the symlink's target is not a path that this computer can hold")]
    Malformed,
}

/// The target as a path of this system, if following it ends inside the item. `depth`: how many
/// folders deep the link itself lies, 1 directly in the item's folder.
///
/// `..` is taken only at the beginning, where it walks up folders that we made ourselves. After a
/// name it could walk up from wherever another symlink led.
pub(crate) fn safe_target(depth: u32, target: &[u8]) -> Result<PathBuf, UnsafeTarget> {
    if target.is_empty() || target.len() > MAX_TARGET_BYTES || target.contains(&0) {
        return Err(UnsafeTarget::Malformed);
    }
    if target[0] == b'/' {
        return Err(UnsafeTarget::Outside);
    }
    let parts = || {
        target
            .split(|byte| *byte == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
    };
    let ups = parts().take_while(|part| *part == b"..").count();
    let inside = ups < usize::try_from(depth).unwrap_or(usize::MAX);
    if !inside || parts().skip(ups).any(|part| part == b"..") {
        return Err(UnsafeTarget::Outside);
    }
    local_path(target).ok_or(UnsafeTarget::Malformed)
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems can't hold every target"
)]
fn local_path(target: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(target).into())
}

/// A backslash or a drive would make it another path than it was where it came from.
#[cfg(not(unix))]
fn local_path(target: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(target).ok()?;
    (!text.contains(['\\', ':'])).then(|| text.split('/').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(depth: u32, target: &str, safe: bool) {
        assert_eq!(
            safe_target(depth, target.as_bytes()).is_ok(),
            safe,
            "{target} at depth {depth}"
        );
    }

    #[test]
    fn only_targets_inside_the_item_are_safe() {
        check(1, "file", true);
        check(1, "folder/./file", true);
        check(2, "../file", true);
        check(3, "../..//file", true);
        check(2, "..", true);
        check(1, "..", false);
        check(2, "../../file", false);
        check(0, "file", false);
        check(1, "/etc/passwd", false);
        check(1, "", false);
        check(1, "a\0b", false);
    }

    #[test]
    fn a_target_may_not_walk_up_from_where_another_symlink_led() {
        // p/q/d -> ../.. is safe; p/q/d/../x is not: it leaves the item.
        check(4, "../..", true);
        check(1, "p/q/d/../x", false);
    }
}
