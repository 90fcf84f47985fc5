//! Items as they are asked for: requests become what the index takes in, or are refused.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libp2p::Multiaddr;
use unixfs::{Cid, Profile};

use super::ItemError;
use crate::api::{DownloadRequest, ShareRequest};
use crate::fetch;
use crate::link::Link;
use crate::util::now_unix;
use store::files::path_text;
use store::index::{ItemKind, ItemOptions, NewItem};

/// A new item of files that lie here. Blocks.
pub(super) fn share(request: ShareRequest) -> Result<NewItem, ItemError> {
    if request.paths.is_empty() {
        return Err(ItemError::NothingToShare);
    }
    let mut folder = false;
    let mut paths = Vec::with_capacity(request.paths.len());
    for path in &request.paths {
        let unreadable = |source| ItemError::Unreadable {
            path: path.clone(),
            source,
        };
        let there = fs_err::symlink_metadata(path).map_err(unreadable)?;
        // What is named outright is followed.
        let found = match fs_err::metadata(path) {
            Ok(found) => found,
            Err(error) if there.is_symlink() && error.kind() != ErrorKind::PermissionDenied => {
                return Err(ItemError::DeadLink(path.clone()));
            }
            Err(error) => return Err(unreadable(error)),
        };
        if !found.is_dir() && !found.is_file() {
            return Err(ItemError::NoFile(path.clone()));
        }
        folder |= found.is_dir();
        paths.push(store::named(path).map_err(unreadable)?);
    }
    let paths = store::distinct(paths);
    folder |= paths.len() > 1;
    let profile = profile_named(request.profile.as_deref())?;
    let name = match request.name {
        Some(name) => given_name(&name)?,
        None => store::share_name(&paths),
    };
    let options = ItemOptions {
        hidden: request.hidden,
        announce: request.announce.into(),
        metadata: request.metadata.unwrap_or_default(),
        folder,
    };
    Ok(NewItem {
        kind: ItemKind::Share,
        name,
        profile: profile.name.to_owned(),
        created: now_unix(),
        sources: paths,
        options,
        ..NewItem::default()
    })
}

/// A name that a person gives an item. Whoever fetches it has a file or folder of that name.
pub(super) fn given_name(name: &str) -> Result<String, ItemError> {
    let name = name.trim();
    let is_bad = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    if name.is_empty() || matches!(name, "." | "..") || name.contains(is_bad) {
        return Err(ItemError::BadName(name.to_owned()));
    }
    Ok(name.to_owned())
}

/// A new item of what a link names.
pub(super) fn fetched(request: DownloadRequest, folder: PathBuf) -> Result<NewItem, ItemError> {
    let link = Link::from_str(&request.link)?;
    for provider in &request.providers {
        Multiaddr::from_str(provider).map_err(|_| ItemError::BadAddress(provider.clone()))?;
    }
    let hinted = link.providers.iter().map(ToString::to_string);
    let providers = request.providers.into_iter().chain(hinted).collect();
    let place = Link {
        filename: None,
        providers: Vec::new(),
        ..link.clone()
    };
    // What can be read in two ways is read again when somebody has it.
    let text = match &link.otherwise {
        Some(_) => request.link.trim().to_owned(),
        None => place.to_string(),
    };
    let root = link.path.is_empty().then_some(link.cid);
    Ok(NewItem {
        link: Some(text),
        select: request.select,
        providers,
        options: ItemOptions {
            metadata: request.metadata.unwrap_or_default(),
            ..ItemOptions::default()
        },
        ..download(link.name(), root, request.into.unwrap_or(folder))
    })
}

/// A new item of what a CAR file holds. It is unpacked like a download whose only peer is the CAR,
/// so the item begins with the CAR's place. Blocks.
pub(super) fn unpacked(car: PathBuf, folder: PathBuf) -> Result<NewItem, ItemError> {
    let root = fetch::car::root(&car)?;
    let name = car.file_stem().map(|name| path_text(Path::new(name)));
    let name = name.unwrap_or_else(|| root.to_string());
    Ok(NewItem {
        sources: vec![car],
        ..download(name, Some(root), folder)
    })
}

fn download(name: String, root: Option<Cid>, into: PathBuf) -> NewItem {
    NewItem {
        kind: ItemKind::Download,
        name,
        root,
        created: now_unix(),
        into: Some(into),
        ..NewItem::default()
    }
}

/// The profile of that name; without one the newest.
pub(crate) fn profile_named(name: Option<&str>) -> Result<Profile, ItemError> {
    let Some(name) = name else {
        return Ok(Profile::V1_2025);
    };
    name.parse()
        .map_err(|_| ItemError::UnknownProfile(name.to_owned()))
}
