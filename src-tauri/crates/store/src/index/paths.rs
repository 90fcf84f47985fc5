//! Paths in the database and in JSON, without loss: on Unix a path is any bytes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(unix)]
pub(super) fn to_bytes(name: &OsStr) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    name.as_bytes().to_vec()
}

#[cfg(unix)]
pub(super) fn from_bytes(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes)
}

/// Names that are no text are skipped by the import and never made by a download, so nothing is lost.
#[cfg(not(unix))]
pub(super) fn to_bytes(name: &OsStr) -> Vec<u8> {
    name.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
pub(super) fn from_bytes(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// A path in JSON: text where it is text, else its bytes.
#[derive(Debug, Clone)]
pub(super) struct JsonPath(pub(super) PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes(Vec<u8>),
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.0.to_str() {
            Some(text) => Form::Text(text.to_owned()),
            None => Form::Bytes(to_bytes(self.0.as_os_str())),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(JsonPath(match Form::deserialize(deserializer)? {
            Form::Text(text) => text.into(),
            Form::Bytes(bytes) => from_bytes(bytes).into(),
        }))
    }
}

/// For `#[serde(with)]`: one path.
pub(super) mod one {
    use std::path::Path;

    use super::{Deserialize, Deserializer, JsonPath, PathBuf, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        JsonPath(path.to_path_buf()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(JsonPath::deserialize(deserializer)?.0)
    }
}

/// For `#[serde(with)]`: one path that may be absent.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, JsonPath, PathBuf, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.clone().map(JsonPath).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let path = Option::<JsonPath>::deserialize(deserializer)?;
        Ok(path.map(|path| path.0))
    }
}

/// For `#[serde(with)]`: several paths.
pub(super) mod list {
    use super::{Deserialize, Deserializer, JsonPath, PathBuf, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        paths: &[PathBuf],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().cloned().map(JsonPath))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let paths = Vec::<JsonPath>::deserialize(deserializer)?;
        Ok(paths.into_iter().map(|path| path.0).collect())
    }
}

/// A file's directory and its name in there.
pub(super) fn split(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let dir = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default();
    (to_bytes(dir.as_os_str()), to_bytes(name))
}

pub(super) fn join(dir: Vec<u8>, name: Vec<u8>) -> PathBuf {
    let mut path = PathBuf::from(from_bytes(dir));
    path.push(from_bytes(name));
    path
}
