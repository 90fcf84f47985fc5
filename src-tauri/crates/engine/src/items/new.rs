//! Items as they are asked for: requests become what the index takes in, or are refused.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libp2p::Multiaddr;
use tokio_util::sync::CancellationToken;
use unixfs::{Cid, Profile};

use super::ItemError;
use crate::api::{DownloadRequest, ShareRequest};
use crate::fetch::car::Holds;
use crate::fetch::{self, FetchError, Selection};
use crate::link::Link;
use crate::util::now_unix;
use store::files::path_text;
use store::index::{Car, ItemKind, ItemOptions, NewItem};

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
        unfold: false,
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

/// A new item of what a link names. Blocks.
pub(super) fn fetched(request: DownloadRequest, folder: PathBuf) -> Result<NewItem, ItemError> {
    let link = Link::from_str(&request.link)?;
    Selection::new(&request.select, &[]).map_err(FetchError::from)?;
    let into = request.into.unwrap_or(folder);
    check_folder(&into)?;
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
            unfold: request.unfold.unwrap_or_default(),
            ..ItemOptions::default()
        },
        ..download(link.name(), root, into)
    })
}

/// New items of what a CAR file holds, each unpacked like a download whose only peer is the CAR. They
/// are called like the file, and numbered where there are several. Blocks.
pub(super) fn unpacked(
    path: &Path,
    folder: &Path,
    stop: &CancellationToken,
) -> Result<(Vec<NewItem>, Holds), ItemError> {
    check_folder(folder)?;
    let holds = fetch::car::look(path, &|| stop.is_cancelled())?;
    let stem = path.file_stem().map(|name| path_text(Path::new(name)));
    let stem = stem.unwrap_or_default();
    let item = |(number, root): (usize, &Cid)| {
        let name = match holds.roots.len() {
            1 => stem.clone(),
            _ => format!("{stem} {}", number + 1),
        };
        let car = Car {
            path: path.to_path_buf(),
            // They are told once.
            foreign: if number == 0 { holds.foreign } else { 0 },
        };
        NewItem {
            car: Some(car),
            ..download(name, Some(*root), folder.to_path_buf())
        }
    };
    let items = holds.roots.iter().enumerate().map(item).collect();
    Ok((items, holds))
}

/// Can there be a folder? It is made when it is needed.
fn check_folder(folder: &Path) -> Result<(), ItemError> {
    for place in folder.ancestors() {
        if fs_err::symlink_metadata(place).is_err() {
            continue;
        }
        let place = place.to_path_buf();
        return match fs_err::metadata(&place) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(ItemError::NoFolder(place)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(ItemError::DeadFolder(place)),
            // What is wrong with it is told when it is written to.
            Err(_) => Ok(()),
        };
    }
    Ok(())
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
