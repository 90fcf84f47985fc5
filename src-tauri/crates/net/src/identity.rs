//! Who this peer is: an Ed25519 key in one file that only this user can read.
//!
//! The file holds libp2p's own encoding of a private key. It is written whole or not at all, and
//! never overwritten: a key that can't be read is an error for the person, since a new one would
//! cut every link that names this peer.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use libp2p::identity::{DecodingError, Keypair};

/// Bytes of the largest key file that is read: an Ed25519 key has 68, an RSA key of 8192 bits about
/// 4,700.
const MAX_KEY_BYTES: u64 = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the identity can't be read or made: {0}")]
    Io(#[from] io::Error),
    #[error("{path} is not a private key: {source}")]
    Damaged {
        path: PathBuf,
        source: DecodingError,
    },
    #[error("{0} is empty: there is no private key in it")]
    Empty(PathBuf),
    #[error("{0} is too large to be a private key")]
    TooLarge(PathBuf),
    #[error("{0} is not a file, so that there is no private key in it")]
    NotAFile(PathBuf),
}

/// Reads the key at `path`, or makes one there.
pub fn load_or_create(path: &Path) -> Result<Keypair, IdentityError> {
    match fs::metadata(path) {
        // A pipe would be waited for.
        Ok(file) if !file.is_file() => Err(IdentityError::NotAFile(path.to_owned())),
        Ok(file) if file.len() > MAX_KEY_BYTES => Err(IdentityError::TooLarge(path.to_owned())),
        Ok(_) => load(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error.into()),
    }
}

fn load(path: &Path) -> Result<Keypair, IdentityError> {
    read(&fs::read(path)?, path)
}

/// The key that stands in a file of that path.
pub(crate) fn read(bytes: &[u8], path: &Path) -> Result<Keypair, IdentityError> {
    // As a loss of power may leave it.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(IdentityError::Empty(path.to_owned()));
    }
    Keypair::from_protobuf_encoding(bytes).map_err(|source| IdentityError::Damaged {
        path: path.to_owned(),
        source,
    })
}

fn create(path: &Path) -> Result<Keypair, IdentityError> {
    let key = Keypair::generate_ed25519();
    let bytes = key
        .to_protobuf_encoding()
        .map_err(|source| IdentityError::Damaged {
            path: path.to_owned(),
            source,
        })?;
    let new = path.with_extension("new");
    // Left over from a crash, perhaps with other rights.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        fs::write(path.with_extension("new"), "left over").unwrap();
        let made = load_or_create(&path).unwrap();
        let read = load_or_create(&path).unwrap();
        assert_eq!(made.public(), read.public());
        assert!(!path.with_extension("new").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_kept_and_reported() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let is = |found: Result<Keypair, IdentityError>, named: &str| {
            let told = found.unwrap_err().to_string();
            assert!(
                told.contains(named) && told.contains("identity.key"),
                "{told}"
            );
        };
        for (content, named) in [
            (&b"no key"[..], "is not a private key"),
            (b"", "is empty"),
            (&[0; 68], "is empty"),
            (&[7; 10_000], "too large"),
        ] {
            fs::write(&path, content).unwrap();
            is(load_or_create(&path), named);
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        is(load_or_create(&path), "is not a file");
        assert!(path.is_dir());
    }
}
