//! Paths as they cross the border: JSON holds text, a path on Unix is any bytes. For `#[serde(with)]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use store::files::{path_text, text_path};

pub mod one {
    use super::{Deserialize, Deserializer, Path, PathBuf, Serializer, path_text, text_path};

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&path_text(path))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(text_path(&String::deserialize(deserializer)?))
    }
}

pub mod optional {
    use super::{Deserialize, Deserializer, PathBuf, Serialize, Serializer, path_text, text_path};

    pub fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(path_text).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.as_deref().map(text_path))
    }
}

pub mod list {
    use super::{Deserialize, Deserializer, PathBuf, Serializer, path_text, text_path};

    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| path_text(path)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Ok(texts.iter().map(|text| text_path(text)).collect())
    }
}
