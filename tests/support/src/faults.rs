//! Faults between a program and the system: each call that reaches files below some folders is seen, and one of them fails, or
//! has the program die right there. A preloaded library does it, so the program is the one that people run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use fs_err as fs;
use tempfile::TempDir;

use super::tools;

/// What happens instead of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The medium is broken (EIO).
    Broken,
    /// No space is left (ENOSPC).
    Full,
    /// It is not allowed (EACCES).
    Denied,
    /// The process is gone (SIGKILL).
    Death,
}

impl Failure {
    pub const ALL: [Self; 4] = [Self::Broken, Self::Full, Self::Denied, Self::Death];

    fn number(self) -> i32 {
        use rustix::io::Errno;
        match self {
            Self::Broken => Errno::IO.raw_os_error(),
            Self::Full => Errno::NOSPC.raw_os_error(),
            Self::Denied => Errno::ACCESS.raw_os_error(),
            Self::Death => 0,
        }
    }
}

/// A kind of call (`open`, `create`, `read`, `write`, `sync`, `length`, `rename`, `delete`, `folder`, `list`, `mode`, `time`) on
/// one path, relative to the folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub kind: String,
    pub path: String,
}

/// The call that fails: the one before which `time` others of its kind reached its path.
#[derive(Clone, Debug)]
pub struct Fault {
    pub call: Call,
    pub time: usize,
    pub failure: Failure,
}

/// Watches the calls of one program below one folder.
#[derive(Debug)]
pub struct Watch {
    below: PathBuf,
    log: PathBuf,
}

impl Watch {
    /// The log is a file outside of the folder.
    pub fn new(below: &Path, log: &Path) -> Self {
        let (below, log) = (below.to_owned(), log.to_owned());
        Self { below, log }
    }

    /// The environment in which a program is seen, and meets the fault. `None`, said loudly, where no C compiler is.
    pub fn environment(&self, fault: Option<&Fault>) -> Option<Vec<(String, OsString)>> {
        let shim = shim()?;
        let mut variables = vec![
            ("LD_PRELOAD".to_owned(), shim.into()),
            ("FAULTS_BELOW".to_owned(), self.below.clone().into()),
            ("FAULTS_LOG".to_owned(), self.log.clone().into()),
        ];
        if let Some(Fault {
            call,
            time,
            failure,
        }) = fault
        {
            let path = self.below.join(&call.path);
            let rule = format!(
                "{}|{}|{time}|{}",
                call.kind,
                path.display(),
                failure.number()
            );
            variables.push(("FAULTS_RULE".to_owned(), rule.into()));
        }
        Some(variables)
    }

    /// How often each call was made.
    pub fn calls(&self) -> BTreeMap<Call, usize> {
        let mut calls = BTreeMap::new();
        for call in self.in_order() {
            *calls.entry(call).or_default() += 1;
        }
        calls
    }

    /// The calls one after the other.
    pub fn in_order(&self) -> Vec<Call> {
        let call = |line: &String| {
            let mut fields = line.splitn(3, '\t').skip(1);
            let (Some(kind), Some(path)) = (fields.next(), fields.next()) else {
                panic!("the log of calls holds {line:?}");
            };
            let path = Path::new(path).strip_prefix(&self.below).unwrap();
            Call {
                kind: kind.to_owned(),
                path: path.to_str().unwrap().to_owned(),
            }
        };
        self.lines().iter().map(call).collect()
    }

    /// Whether the fault was met.
    pub fn was_met(&self) -> bool {
        self.lines().iter().any(|line| line.starts_with("fault\t"))
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// The library, compiled once a run of the tests.
fn shim() -> Option<&'static Path> {
    static SHIM: LazyLock<Option<(TempDir, PathBuf)>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("shim.c");
        let library = folder.path().join("shim.so");
        fs::write(&source, include_str!("faults/shim.c")).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        compiled
            .is_ok_and(|status| status.success())
            .then_some((folder, library))
    });
    if SHIM.is_none() {
        tools::missing("the library that makes calls fail needs cc");
    }
    SHIM.as_ref().map(|(_, library)| library.as_path())
}
