//! The workspace keeps its plan, and each check fails where one breaks it: shown with small sources written here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::rules::{self, Border};
use crate::sources::{Sources, read};
use crate::workspace::{Crate, load};
use crate::{map, plan};

/// This workspace, as it lies here.
fn shoal() -> &'static [Crate] {
    static READ: OnceLock<Vec<Crate>> = OnceLock::new();
    READ.get_or_init(|| {
        let crates = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
        let files: usize = crates
            .iter()
            .map(|a_crate| a_crate.sources.files.len())
            .sum();
        assert!(files > 200, "only {files} files were read");
        crates
    })
}

#[track_caller]
fn assert_kept(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn names(what: &str, found: Vec<(String, usize)>, known: &[&str]) -> Vec<String> {
    let known = known.iter().map(|name| (*name).to_owned());
    rules::exactly(what, found.into_iter().map(|(name, _)| name), known)
}

#[test]
fn each_library_stays_behind_its_border() {
    assert_kept(&rules::borders(shoal(), plan::BORDERS));
}

#[test]
fn pure_modules_stay_pure() {
    assert_kept(&rules::purity(shoal(), plan::PURE, plan::JOINTS));
}

#[test]
fn crates_depend_on_those_below_them() {
    assert_kept(&rules::direction(shoal(), plan::DIRECTION));
}

#[test]
fn rooms_do_not_import_each_other_in_circles() {
    let crates = shoal();
    let known = plan::KNOWN_CYCLES.iter().map(|(name, rooms)| {
        let rooms = rooms.iter().map(|room| (*room).to_owned());
        ((*name).to_owned(), rooms.collect::<BTreeSet<String>>())
    });
    let found = rules::cycles(crates);
    let mut broken = rules::exactly("a cycle", found.clone(), known);
    if !broken.is_empty() {
        let steps = |(name, rooms): &(String, BTreeSet<String>)| rules::steps(crates, name, rooms);
        broken.extend(found.iter().flat_map(steps));
    }
    assert_kept(&broken);
}

#[test]
fn no_struct_holds_too_much() {
    assert_kept(&names(
        "a large struct",
        rules::large_structs(shoal()),
        plan::KNOWN_STRUCTS,
    ));
}

#[test]
fn no_file_is_too_long_and_none_is_forgotten() {
    let crates = shoal();
    let mut broken = names("a long file", rules::long_files(crates), plan::KNOWN_FILES);
    broken.extend(rules::unread(crates));
    assert_kept(&broken);
}

#[test]
fn the_map_can_be_drawn() {
    let map = map::draw(shoal()).unwrap();
    assert!(map.contains("\ncycles: "), "{map}");
}

/// A crate from texts, the root first.
fn sample(files: &[(&str, &str)]) -> Vec<Crate> {
    let texts = files
        .iter()
        .map(|(file, text)| (PathBuf::from(file), (*text).to_owned()));
    let sources = read(&[PathBuf::from(files[0].0)], &texts.collect()).unwrap();
    vec![a_crate("sample", &[], sources)]
}

fn a_crate(name: &str, depends: &[&str], sources: Sources) -> Crate {
    Crate {
        name: name.to_owned(),
        depends: depends.iter().map(|name| (*name).to_owned()).collect(),
        sources,
        outside: BTreeMap::new(),
    }
}

const SQL: &[Border] = &[Border {
    name: "rusqlite",
    homes: &["index", "db/file.rs"],
}];

#[track_caller]
fn check_borders(files: &[(&str, &str)], broken: &[&str]) {
    assert_eq!(rules::borders(&sample(files), SQL), broken);
}

#[test]
fn a_name_outside_its_home_is_seen_wherever_it_stands() {
    let why = "rusqlite: only index or db/file.rs may name it";
    for code in [
        "use rusqlite::Row;",
        "use {std::io, rusqlite as sql};",
        "fn f(row: &rusqlite::Row) {}",
        "struct S { row: Vec<rusqlite::Row> }",
        "fn f() { rusqlite::open() }",
        "fn f() { tokio::select! { row = rusqlite::open() => {} } }",
        "macro_rules! m { () => { rusqlite::open() } }",
        "#[cfg(any(test, unix))] use rusqlite::Row;",
        "#[cfg(not(test))] use rusqlite::Row;",
        "mod inline { fn f() { rusqlite::open() } }",
        "impl From<rusqlite::Error> for E {}",
        "#[derive(rusqlite::Row)] struct S;",
    ] {
        check_borders(&[("src/lib.rs", code)], &[&format!("src/lib.rs:1: {why}")]);
    }
    // What follows a test module counts.
    let code = "#[cfg(test)]\nmod tests;\n\nuse rusqlite::Row;";
    let files = [("src/lib.rs", code), ("src/tests.rs", "use rusqlite::Row;")];
    check_borders(&files, &[&format!("src/lib.rs:4: {why}")]);
    check_borders(
        &[
            ("src/lib.rs", "mod other;"),
            ("src/other/mod.rs", "use rusqlite::Row;"),
        ],
        &[&format!("src/other/mod.rs:1: {why}")],
    );
}

#[test]
fn a_name_at_home_in_tests_and_in_talk_is_left_alone() {
    for code in [
        "// rusqlite",
        "/// See `rusqlite`.\nfn f() { \"rusqlite\"; }",
        "#[cfg(test)] use rusqlite::Row;",
        "#[cfg(all(test, unix))] use rusqlite::Row;",
        "#[cfg(test)] mod tests { use rusqlite::Row; }",
        "struct S { #[cfg(test)] row: rusqlite::Row }",
        "impl S { #[cfg(test)] fn f() { rusqlite::open() } }",
        "fn f() { #[cfg(test)] let row = rusqlite::open(); }",
        "fn f() { #[cfg(test)] { rusqlite::open() } }",
        "#[cfg(test)] #[path = \"other.rs\"] mod tests;",
    ] {
        let other = ("src/other.rs", "use rusqlite::Row;");
        check_borders(&[("src/lib.rs", code), other], &[]);
    }
    let home = "use rusqlite::Row;";
    check_borders(
        &[("src/lib.rs", "mod index;"), ("src/index.rs", home)],
        &["src/index.rs:1: rusqlite: only index or db/file.rs may name it"],
    );
    check_borders(
        &[("src/lib.rs", "mod index;"), ("src/index/mod.rs", home)],
        &[],
    );
    let files = [
        ("src/lib.rs", "mod db { mod file; }"),
        ("src/db/file.rs", home),
    ];
    check_borders(&files, &[]);
}

#[track_caller]
fn check_purity(code: &str, pure: bool) {
    let files = [("src/lib.rs", "mod plan;"), ("src/plan.rs", code)];
    let broken = rules::purity(&sample(&files), &[], &[]);
    assert_eq!(broken.is_empty(), pure, "{code}: {broken:?}");
}

#[test]
fn a_pure_module_that_does_something_is_seen() {
    for code in [
        "async fn f() {}",
        "fn f() { async { 1 }; }",
        "fn f() { g(async || 1); }",
        "fn f() { Instant::now(); }",
        "fn f(then: Instant) { then.elapsed(); }",
        "fn f(then: Instant) { vec![then.elapsed()]; }",
        "use std::time::Instant as Clock; fn f() { Clock::now(); }",
        "fn f() { vec![Instant::now()]; }",
        "fn f() { std::time::SystemTime::now(); }",
        "use std::{fs, io};",
        "fn f() { fs_err::read(\"a\"); }",
        "fn f() { std::thread::sleep(a); }",
        "use std::net::UdpSocket;",
        "use tokio::sync::mpsc;",
        "#[cfg(test)] mod tests {}\nuse tokio::sync::mpsc;",
    ] {
        check_purity(&format!("//! Plans. Pure: it only thinks.\n{code}"), false);
        check_purity(&format!("//! Pure.\n{code}"), false);
        // Nobody said that it is.
        check_purity(&format!("//! Purely for show.\n{code}"), true);
    }
    check_purity("//! Pure.\nuse std::net::Ipv4Addr;", true);
    check_purity(
        "//! Pure.\nfn f(elapsed: Duration) { g(elapsed, vec![elapsed]); }",
        true,
    );
    check_purity(
        "//! Pure.\nuse std::time::Instant; fn f(now: Instant) {}",
        true,
    );
    check_purity(
        "//! Pure.\n#[cfg(test)] mod tests { fn f() { Instant::now(); } }",
        true,
    );
}

#[test]
fn purity_holds_for_all_below_and_for_what_is_listed() {
    let files = [
        ("src/lib.rs", "mod plan;"),
        ("src/plan.rs", "//! Pure: it only thinks.\nmod line;"),
        ("src/plan/line.rs", "async fn f() {}"),
    ];
    let broken = ["src/plan/line.rs:1: async: plan::line is pure"];
    assert_eq!(rules::purity(&sample(&files), &[], &[]), broken);
    let files = [("src/lib.rs", "mod room { mod plan { async fn f() {} } }")];
    let broken = ["src/lib.rs:1: async: room::plan is pure"];
    assert_eq!(rules::purity(&sample(&files), &["room::plan"], &[]), broken);
    let gone = ["oom::plan is on a list of pure modules and isn't there"];
    assert_eq!(rules::purity(&sample(&files), &["oom::plan"], &[]), gone);
    let broken = ["src/lib.rs:1: async: room::plan is pure"];
    assert_eq!(rules::purity(&sample(&files), &["sample"], &[]), broken);
    let joints = ["room::plan"];
    let none: [&str; 0] = [];
    assert_eq!(rules::purity(&sample(&files), &["sample"], &joints), none);
}

/// `a` imports `b` and is imported, which makes a circle, or not.
#[track_caller]
fn check_cycle(a: &str, b: &str, circle: bool) {
    let root = "mod a; mod b; pub use b::Thing; pub(crate) use other::b as elsewhere;";
    let files = [("src/lib.rs", root), ("src/a.rs", a), ("src/b.rs", b)];
    let crates = sample(&files);
    let cycles = rules::cycles(&crates);
    let rooms = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    let expected = if circle {
        vec![("sample".to_owned(), rooms)]
    } else {
        vec![]
    };
    assert_eq!(cycles, expected, "{a} and {b}");
}

#[test]
fn rooms_that_import_each_other_are_seen() {
    let back = "pub struct Thing; fn f() { crate::a::f(); }";
    for code in [
        "use crate::b;",
        "use crate::b::Thing;",
        "use crate::{b::Thing as Other};",
        "use crate::b::*;",
        "use super::b;",
        "fn f() { crate::b::f(); }",
        "fn f() { super::b::f(); }",
        "fn f(b: &crate::b::Thing) {}",
        "fn f(b: Vec<super::b::Thing>) {}",
        "fn f() { match b { crate::b::Thing => {} } }",
        "fn f() { assert!(crate::b::f()); }",
        "impl crate::b::Trait for X {}",
        "pub use self::inner::x; mod inner { pub use super::super::b::x; }",
        "pub use crate::b::Thing; fn f() {}",
        // By its other name at the crate's root.
        "use crate::Thing;",
        "fn f() { crate::Thing::new(); }",
        "#[cfg(unix)] use crate::b;",
        "#[cfg(test)] mod tests {} fn f() { crate::b::f(); }",
    ] {
        check_cycle(code, back, true);
    }
}

#[test]
fn rooms_in_one_direction_are_left_alone() {
    let back = "pub struct Thing; fn f() { crate::a::f(); }";
    for code in [
        "",
        "use crate::elsewhere::Thing;",
        "use other::b;",
        "use ::b::Thing;",
        "pub(in crate::b) fn f() {}",
        "/// See [`crate::b`].\nfn f() {}",
        "#[cfg(test)] mod tests { use crate::b; }",
        "#[cfg(test)] use crate::b;",
        "mod b { pub fn f() {} } fn f() { b::f(); self::b::f(); }",
        "use self::c::b; mod c { pub mod b {} } fn f() { b::f(); }",
    ] {
        check_cycle(code, back, false);
    }
    check_cycle("use crate::b;", "", false);
}

#[test]
fn a_long_way_round_is_a_cycle_too() {
    let root = "mod a { use crate::b; } mod b { use crate::c; } mod c { use crate::a; } mod d { use crate::a; }";
    let cycles = rules::cycles(&sample(&[("src/lib.rs", root)]));
    let rooms = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(cycles, [("sample".to_owned(), BTreeSet::from(rooms))]);
    let steps = rules::steps(&sample(&[("src/lib.rs", root)]), "sample", &cycles[0].1);
    assert_eq!(steps[0], "a imports b: src/lib.rs:1");
}

#[test]
fn a_crate_that_depends_on_one_above_it_is_seen() {
    let crates = [
        a_crate("top", &["low"], Sources::default()),
        a_crate("low", &["top"], Sources::default()),
        a_crate("beside", &["low"], Sources::default()),
    ];
    let may: &[(&str, &[&str])] = &[("top", &["low"]), ("low", &[])];
    let broken = ["low may not depend on top", "beside may not depend on low"];
    assert_eq!(rules::direction(&crates, may), broken);
}

#[test]
fn a_struct_with_too_many_fields_is_seen() {
    let fields = |many: usize| -> String {
        let each = (0..many).map(|number| format!("f{number}: u8"));
        each.collect::<Vec<String>>().join(", ")
    };
    let code = format!(
        "struct Few {{ {}, #[cfg(test)] more: u8 }} struct Many {{ {} }} enum E {{ Many {{ {} }} }}",
        fields(20),
        fields(21),
        fields(22)
    );
    let found = rules::large_structs(&sample(&[("src/lib.rs", &code)]));
    let expected = [
        ("sample::Many".to_owned(), 21),
        ("sample::E::Many".to_owned(), 22),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_file_that_is_too_long_is_seen() {
    let lines = |many: usize| "\n".repeat(many);
    let long = lines(701);
    let tests = format!("{}#[cfg(test)]\nmod tests {{{}}}\n", lines(690), lines(20));
    let files = [
        ("src/lib.rs", "mod long; mod short;"),
        ("src/long.rs", &*long),
        ("src/short.rs", &*tests),
    ];
    let found = rules::long_files(&sample(&files));
    assert_eq!(found, [("src/long.rs".to_owned(), 701)]);
}

#[test]
fn a_file_that_nobody_compiles_is_seen() {
    let files = [
        ("src/lib.rs", "mod used;"),
        ("src/used.rs", ""),
        ("src/left.rs", ""),
    ];
    let found = rules::unread(&sample(&files));
    assert_eq!(found, ["src/left.rs: no module declares it"]);
}

#[test]
fn what_is_known_must_still_be_so() {
    assert_eq!(rules::exactly("a", [1, 2], [1, 2]), Vec::<String>::new());
    assert_eq!(rules::exactly("a", [1, 2], [1]), ["a: 2"]);
    assert_eq!(
        rules::exactly("a", [1], [1, 2]),
        ["a: 2 is cured: take it off the list"]
    );
}
