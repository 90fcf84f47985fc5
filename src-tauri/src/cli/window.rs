//! `shoal`, without a command: the window, and what to do in it.

use std::ffi::OsString;
use std::path::Path;

use engine::api::Problem;

use super::problem;
use super::{Outcome, absolute};
use crate::desktop::{self, OpenRequest, Start};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Open the window to share these files and folders, or to open this link
    #[arg(value_name = "FILE|LINK")]
    what: Vec<OsString>,
    /// Open the window and ask what to share
    #[arg(long)]
    share: bool,
    /// Start without showing the window
    #[arg(long)]
    hidden: bool,
}

impl Args {
    /// Nothing was said that a command would not take.
    pub(super) fn is_empty(&self) -> bool {
        self.what.is_empty() && !self.share && !self.hidden
    }
}

pub(super) fn run(args: Args, data_dir: &Path) -> Outcome {
    let mut open = requests(&args.what)?;
    if args.share {
        open.push(OpenRequest::share(Vec::new()));
    }
    let start = Start {
        data_dir: absolute(data_dir)?,
        open,
        hidden: args.hidden,
    };
    desktop::run(start)
}

/// Files are shared together, each link is opened.
fn requests(what: &[OsString]) -> Result<Vec<OpenRequest>, Problem> {
    let mut paths = Vec::new();
    let mut requests = Vec::new();
    for word in what {
        let path = Path::new(word);
        if fs_err::symlink_metadata(path).is_ok() {
            paths.push(absolute(path)?);
            continue;
        }
        let word = word.to_string_lossy();
        match super::check_link(&word) {
            Ok(()) => requests.push(OpenRequest::link(word.into_owned())),
            Err(problem) if word.contains("://") => return Err(problem),
            Err(_) => return Err(problem::unknown_command(&word)),
        }
    }
    if !paths.is_empty() {
        requests.insert(0, OpenRequest::share(paths));
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn files_are_shared_and_links_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ü file");
        fs_err::write(&file, "").unwrap();
        let (file_text, link) = (file.to_str().unwrap(), format!("ipfs://{CID}/"));
        assert_eq!(
            requests(&words(&[&link, file_text])).unwrap(),
            [OpenRequest::share(vec![file]), OpenRequest::link(link)]
        );
        assert!(requests(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_neither_is_refused() {
        let check = |word: &str, code: &str| {
            assert_eq!(requests(&words(&[word])).unwrap_err().code, code);
        };
        check("lisst", "unknown-command");
        check("ipfs://nonsense", "bad-link");
    }
}
