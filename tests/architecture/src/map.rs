//! Prints what the guard sees: the rooms and who imports whom, circles, sizes.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use crate::graph::{Graph, graph};
use crate::sources::tests_in;
use crate::workspace::Crate;

/// The whole map, as text.
pub fn draw(crates: &[Crate]) -> Result<String, fmt::Error> {
    let mut map = String::new();
    let mut sorted: Vec<&Crate> = crates.iter().collect();
    sorted.sort_by_key(|a_crate| (above(crates, a_crate), &a_crate.name));
    let crates = sorted;
    sizes(&mut map, &crates)?;
    structs(&mut map, &crates)?;
    let mut circles = 0;
    for a_crate in crates {
        let graph = graph(&a_crate.sources);
        circles += rooms(&mut map, a_crate, &graph)?;
    }
    writeln!(map, "\ncycles: {circles}")?;
    Ok(map)
}

/// How many crates depend on it: the lowest last.
fn above(crates: &[Crate], one: &Crate) -> usize {
    crates
        .iter()
        .filter(|other| other.depends.contains(&one.name))
        .count()
}

fn sizes(map: &mut String, crates: &[&Crate]) -> fmt::Result {
    writeln!(
        map,
        "lines of code a file, without what is behind cfg(test); lines and number of tests, those in tests/ counted apart\n\n\
         {:<14}{:>6}{:>8}{:>6}{:>6}{:>9}{:>9}{:>9}{:>11}{:>9}",
        "crate",
        "files",
        "median",
        "p90",
        "max",
        "code",
        "tests",
        "of them",
        "in tests/",
        "of them"
    )?;
    let mut total = [0; 5];
    for a_crate in crates {
        let files = &a_crate.sources.files;
        let mut code: Vec<usize> = files
            .values()
            .map(|size| size.code)
            .filter(|code| *code > 0)
            .collect();
        code.sort_unstable();
        let at = |percent: usize| {
            code.get(code.len() * percent / 100)
                .or(code.last())
                .copied()
                .unwrap_or(0)
        };
        let tests: usize = files.values().map(|size| size.tests).sum();
        let outside: usize = a_crate
            .outside
            .values()
            .map(|text| text.lines().count())
            .sum();
        let of_outside: usize = a_crate.outside.values().map(|text| tests_in(text)).sum();
        let (all, number) = (code.iter().sum::<usize>(), a_crate.sources.tests);
        let figures = if is_for_tests(a_crate) {
            [0, 0, 0, all + tests + outside, number + of_outside]
        } else {
            [all, tests, number, outside, of_outside]
        };
        for (sum, figure) in total.iter_mut().zip(figures) {
            *sum += figure;
        }
        let most = code.last().copied().unwrap_or(0);
        row(
            map,
            &a_crate.name,
            &[code.len(), at(50), at(90), most],
            figures,
        )?;
    }
    row(map, "all", &[], total)
}

/// All of it lies in the folder of the tests.
fn is_for_tests(a_crate: &Crate) -> bool {
    let mut files = a_crate.sources.files.keys();
    files.all(|file| file.starts_with("tests"))
}

fn row(map: &mut String, name: &str, files: &[usize], figures: [usize; 5]) -> fmt::Result {
    let file = |at: usize| files.get(at).map_or(String::new(), ToString::to_string);
    let [code, tests, number, outside, of_outside] = figures;
    writeln!(
        map,
        "{name:<14}{:>6}{:>8}{:>6}{:>6}{code:>9}{tests:>9}{number:>9}{outside:>11}{of_outside:>9}",
        file(0),
        file(1),
        file(2),
        file(3)
    )
}

fn structs(map: &mut String, crates: &[&Crate]) -> fmt::Result {
    const SHOWN: usize = 8;
    let mut all = Vec::new();
    for a_crate in crates {
        for module in &a_crate.sources.modules {
            let here = module.structs.iter();
            all.extend(here.map(|named| (named.what.1, &named.what.0, &module.file)));
        }
    }
    all.sort_by(|one, other| other.cmp(one));
    writeln!(map, "\nlargest structs")?;
    for (fields, name, file) in all.into_iter().take(SHOWN) {
        writeln!(map, "  {fields:>3} fields  {name} ({})", file.display())?;
    }
    Ok(())
}

fn rooms(map: &mut String, a_crate: &Crate, graph: &Graph) -> Result<usize, fmt::Error> {
    let depends: Vec<&str> = a_crate.depends.iter().map(String::as_str).collect();
    let depends = if depends.is_empty() {
        "no other".to_owned()
    } else {
        depends.join(" ")
    };
    let many = graph.rooms.len();
    writeln!(
        map,
        "\n{} (depends on {depends}): {many} rooms, {} edges",
        a_crate.name,
        graph.edges.len()
    )?;
    for room in &graph.rooms {
        let imports: Vec<&str> = graph.imports(room).into_iter().collect();
        let imports = if imports.is_empty() {
            "nothing".to_owned()
        } else {
            imports.join(" ")
        };
        writeln!(map, "  {room:<16} -> {imports}")?;
    }
    let cycles = graph.cycles();
    for cycle in &cycles {
        writeln!(map, "  cycle of {}: {}", cycle.len(), words(cycle))?;
    }
    Ok(cycles.len())
}

fn words(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<&str>>()
        .join(" ")
}
