//! The window: how soon it shows, how soon it answers, what it costs while it is open and while it is hidden.
//!
//! The program is that of `SHOAL_TEST_WINDOW`, which should be a release build. It runs on an X server without a
//! graphics card, so that all drawing is the processor's: on a person's computer it costs less.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use serde_json::Value;

use super::mebibytes;
use crate::Bench;
use crate::samples::MIB;
use crate::table::{Figure, Goal, Line};
use support::process::{cpu_time, resident};
use support::shoal::{Shoal, text};
use support::wait::until;
use support::window::{Desktop, Window};

/// The library that has to show as soon as an empty one.
const ITEMS: u32 = 100_000;
/// Downloads that run at full speed while the window is used.
const DOWNLOADS: usize = 4;
/// Each; long enough for every click.
const DOWNLOAD: u64 = 384 * MIB;
/// Watched that long while nothing but the window's own work goes on.
const WATCHED: Duration = Duration::from_secs(20);
/// A program at rest uses less than this in [`WATCHED`]'s tenth, in seconds of CPU time.
const REST: f64 = 0.05;
/// After a start with a full library every file in it is looked at; a figure that is not reached in this time can't be
/// measured.
const PATIENCE: Duration = Duration::from_mins(3);

/// A link to what nobody has.
const LOST: &str = "ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36";

/// Clicks through the library's filters: from the moment at which a click is due until the picture that follows it is
/// handed over.
const CLICKS: &str = "
    const done = arguments[arguments.length - 1];
    const buttons = [...document.querySelectorAll('nav button')].slice(0, 4);
    const times = [];
    const next = () => {
        const due = performance.now() + 60;
        setTimeout(() => {
            buttons[times.length % buttons.length].click();
            requestAnimationFrame(() => {
                const { port1, port2 } = new MessageChannel();
                port1.onmessage = () => {
                    times.push(performance.now() - due);
                    if (times.length < 40) next(); else done(times);
                };
                port2.postMessage(null);
            });
        }, 60);
    };
    next();";

pub(super) fn window(bench: &mut Bench) -> Result<()> {
    ensure!(
        std::env::var_os("SHOAL_TEST_WINDOW").is_some(),
        "SHOAL_TEST_WINDOW names no program with a window"
    );
    // The tests' desktop fails by panicking.
    let measured = std::panic::catch_unwind(AssertUnwindSafe(|| measure(bench)));
    match measured {
        Ok(outcome) => outcome,
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(message) => bail!("{message}"),
            None => bail!("the window can't be driven"),
        },
    }
}

fn measure(bench: &mut Bench) -> Result<()> {
    let mut empty = Vec::new();
    for _ in 0..bench.runs {
        let desktop = Desktop::new();
        empty.push(first_paint(&desktop, &desktop.open())?);
    }
    let desktop = Desktop::new();
    fill(&desktop)?;
    let mut full = Vec::new();
    for _ in 0..bench.runs {
        let window = desktop.open();
        full.push(first_paint(&desktop, &window)?);
        window.interrupt();
    }
    let empty = Figure::new(empty, "ms");
    bench.table.add(Line {
        work: "window, start to first paint, 100,000 items",
        by: "Shoal",
        figure: Figure::new(full, "ms"),
        raw: Some(("an empty library", empty.median())),
        goal: Some(goal(800.0)),
        also: String::new(),
    });

    let window = desktop.open();
    costs(bench, &desktop, &window)?;
    drop(window);
    answers(bench)
}

/// What an open and a hidden window cost, with four downloads in sight that wait for somebody.
fn costs(bench: &mut Bench, desktop: &Desktop, window: &Window<'_>) -> Result<()> {
    for number in 0..DOWNLOADS {
        let link = format!(
            "{LOST}{}?filename=Lost{number}",
            ["n5e", "n5a", "n5i", "n5m"][number]
        );
        desktop.shoal().run(&[&"get", &link, &"--detach"]);
    }
    rests(window)?;
    let open = used(window)?;
    let (program, page) = window.processes();
    let memory = |processes: &[u32]| -> Result<f64> {
        let mut sum = 0;
        for process in processes {
            sum += resident(*process)?;
        }
        Ok(mebibytes(sum))
    };
    bench.table.add(Line {
        work: "window, CPU while idle transfers show",
        by: "Shoal",
        figure: Figure::one(open.page, "% of a core"),
        raw: None,
        goal: Some(goal(5.0)),
        also: format!("the program beside it {:.1} %", open.program),
    });
    bench.table.add(Line {
        work: "window, memory (PSS)",
        by: "Shoal",
        figure: Figure::one(memory(&page)? + memory(&[program])?, "MiB"),
        raw: None,
        goal: None,
        also: format!("the program alone {:.0} MiB", memory(&[program])?),
    });
    window.close();
    until("the window to hide", || {
        (!window.is_visible()).then_some(())
    });
    rests(window)?;
    let hidden = used(window)?;
    bench.table.add(Line {
        work: "window, CPU while hidden",
        by: "Shoal",
        figure: Figure::one(hidden.page, "% of a core"),
        raw: None,
        goal: Some(goal(0.1)),
        also: format!("the program beside it {:.1} %", hidden.program),
    });
    Ok(())
}

/// How soon a click shows, with nothing else to do and with downloads at full speed.
fn answers(bench: &mut Bench) -> Result<()> {
    let seed = Shoal::new();
    let (_daemon, _) = seed.daemon();
    let mut links = Vec::new();
    for _ in 0..DOWNLOADS {
        let file = bench.samples.file(&bench.scratch, DOWNLOAD)?;
        links.push(text(seed.ok(&[&"share", &file]).event("shared"), "link"));
    }
    let desktop = Desktop::new();
    let into = bench.scratch.folder("into")?;
    let window = desktop.open();
    rests(&window)?;
    let (quiet, _) = clicks(&window)?;
    for link in &links {
        desktop
            .shoal()
            .ok(&[&"get", link, &"--into", &into, &"--detach"]);
    }
    let (busy, worst) = clicks(&window)?;
    let still = moving(&desktop);
    bench.table.add(Line {
        work: "window, click to next paint, four downloads",
        by: "Shoal",
        figure: Figure::one(busy, "ms"),
        raw: Some(("nothing going on", quiet)),
        goal: Some(goal(50.0)),
        also: format!(
            "95th of 100 clicks; the worst {worst:.0} ms; {still} still running at the end"
        ),
    });
    Ok(())
}

/// The 95th of a hundred, and the worst, in milliseconds.
fn clicks(window: &Window<'_>) -> Result<(f64, f64)> {
    let answer = window.execute_async(CLICKS);
    let times = answer.as_array().context("no times")?;
    let mut times: Vec<f64> = times.iter().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    let worst = *times.last().context("no times")?;
    Ok((times[times.len() * 95 / 100], worst))
}

/// How many downloads are not done yet.
fn moving(desktop: &Desktop) -> usize {
    let list = desktop.shoal().ok(&[&"list"]);
    list.stdout.matches("\"downloading\"").count()
}

/// Per cent of a core.
struct Used {
    page: f64,
    program: f64,
}

fn used(window: &Window<'_>) -> Result<Used> {
    let before = times(window)?;
    thread::sleep(WATCHED);
    let after = times(window)?;
    let share = |before: f64, after: f64| (after - before) * 100.0 / WATCHED.as_secs_f64();
    Ok(Used {
        page: share(before.0, after.0),
        program: share(before.1, after.1),
    })
}

/// Waits until what follows a start, or a change of what is shown, is over.
fn rests(window: &Window<'_>) -> Result<()> {
    let began = Instant::now();
    loop {
        let before = times(window)?;
        thread::sleep(WATCHED / 10);
        let after = times(window)?;
        if after.0 + after.1 - before.0 - before.1 < REST {
            return Ok(());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "the window does not come to rest"
        );
    }
}

/// CPU time until now of the page and of the program, in seconds.
fn times(window: &Window<'_>) -> Result<(f64, f64)> {
    let (program, page) = window.processes();
    let mut sum = 0.0;
    for process in page {
        sum += cpu_time(&process.to_string())?;
    }
    Ok((sum, cpu_time(&program.to_string())?))
}

/// From the start of the program until the page first showed something, in milliseconds.
fn first_paint(desktop: &Desktop, window: &Window<'_>) -> Result<f64> {
    const PAINTED: &str = "
        const [paint] = performance.getEntriesByName('first-contentful-paint');
        return paint ? performance.timeOrigin + paint.startTime : null;";
    let painted = until("the first paint", || {
        window.execute(PAINTED, Vec::new()).as_f64()
    });
    let began = fs::read_to_string(desktop.home().join("logs/shoal.began"))?;
    let began: f64 = began.trim().parse()?;
    Ok(painted - began / 1e6)
}

/// A library of [`ITEMS`] shared files.
fn fill(desktop: &Desktop) -> Result<()> {
    let shoal = desktop.shoal();
    let (daemon, _) = shoal.daemon();
    let file = desktop.home().join("shared.txt");
    fs::write(&file, "shared")?;
    shoal.ok(&[&"share", &file]);
    daemon.interrupt().expect_code(0);
    multiply(&desktop.data_dir().join("index.db"))
}

/// Writes the one item of the index down again and again, under other names.
fn multiply(index: &Path) -> Result<()> {
    let mut index = rusqlite::Connection::open(index)?;
    let all = index.transaction()?;
    let copy = format!(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {ITEMS})
         INSERT INTO item (kind, name, root, bytes, files, done, created, state, details)
         SELECT kind, 'Item ' || n, root, bytes, files, done, created + n, state, details FROM item, number"
    );
    all.execute(&copy, [])?;
    all.commit()?;
    Ok(())
}

const fn goal(at_most: f64) -> Goal {
    Goal {
        at_most,
        where_raw_was: None,
    }
}
