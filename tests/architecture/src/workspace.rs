//! The crates of a workspace: where each begins, and which others it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::sources::{Sources, read};

/// One library or program of the workspace, read.
#[derive(Debug)]
pub struct Crate {
    pub name: String,
    /// Crates of the same workspace that its code, not its tests, depends on.
    pub depends: BTreeSet<String>,
    pub sources: Sources,
    /// Sources of its tests, benches and examples: path and text.
    pub outside: BTreeMap<PathBuf, String>,
}

/// Reads the workspace at `tree`.
pub fn load(tree: &Path) -> Result<Vec<Crate>> {
    let metadata = metadata(tree)?;
    let tree = Path::new(text(&metadata["workspace_root"]));
    let packages: Vec<&Value> = list(&metadata["packages"]).collect();
    let members: BTreeSet<&str> = packages
        .iter()
        .map(|package| text(&package["name"]))
        .collect();
    let mut crates = Vec::new();
    for package in packages {
        let depends = list(&package["dependencies"])
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .filter(|name| members.contains(name));
        let targets: Vec<&Value> = list(&package["targets"]).collect();
        let roots = |kinds: &[&str]| -> Vec<PathBuf> {
            let fits =
                |target: &&&Value| list(&target["kind"]).any(|kind| kinds.contains(&text(kind)));
            let fitting = targets.iter().filter(fits);
            fitting
                .map(|target| PathBuf::from(text(&target["src_path"])))
                .collect()
        };
        // A library and its program stand in one folder.
        let roots_inside = roots(&["lib", "bin"]);
        let Some(folder) = roots_inside.first().and_then(|root| root.parent()) else {
            continue;
        };
        let files = texts(folder, tree)?;
        let roots_inside: Vec<PathBuf> = roots_inside
            .iter()
            .map(|root| relative(root, tree))
            .collect();
        let mut outside = BTreeMap::new();
        for root in roots(&["test", "bench", "example"]) {
            let around = root.parent().context("a target without a folder")?;
            outside.extend(texts(around, tree)?);
        }
        crates.push(Crate {
            name: text(&package["name"]).to_owned(),
            depends: depends.map(str::to_owned).collect(),
            sources: read(&roots_inside, &files)?,
            outside,
        });
    }
    ensure!(!crates.is_empty(), "no crates in {}", tree.display());
    Ok(crates)
}

fn metadata(tree: &Path) -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version=1",
            "--manifest-path",
        ])
        .arg(tree.join("Cargo.toml"))
        .output()
        .context("cargo does not start")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn relative(path: &Path, tree: &Path) -> PathBuf {
    path.strip_prefix(tree).unwrap_or(path).to_owned()
}

/// All Rust files in a folder and below, by their path from the tree's root.
fn texts(folder: &Path, tree: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs_err::read_to_string(&path)?;
                found.insert(relative(&path, tree), text);
            }
        }
    }
    Ok(found)
}
