//! The table that is printed: one line for each figure, in Markdown.

use std::fmt;

/// Lines in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<[String; COLUMNS]>);

const COLUMNS: usize = 6;
const HEAD: [&str; COLUMNS] = ["work", "by", "figure", "× raw limit", "goal", "also"];

/// One line.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) work: &'a str,
    pub(crate) by: &'a str,
    pub(crate) figure: Figure,
    /// The raw limit's name, and its value in the figure's unit.
    pub(crate) raw: Option<(&'a str, f64)>,
    pub(crate) goal: Option<Goal>,
    pub(crate) also: String,
}

/// Several measurements of one thing: their median stands for them.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    values: Vec<f64>,
    unit: &'static str,
}

/// Where Shoal has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) at_most: f64,
    /// The raw limit on the machine for which the goal was set; the goal moves with it. `None`: it stands as it is.
    pub(crate) where_raw_was: Option<f64>,
}

impl Table {
    /// Adds a line, and shows it at once to whoever is waiting.
    pub(crate) fn add(&mut self, line: Line<'_>) {
        let value = line.figure.median();
        let unit = line.figure.unit;
        let ratio = line
            .raw
            .map(|(name, raw)| format!("{:.2} × {name}", value / raw))
            .unwrap_or_default();
        let goal = line.goal.map_or_else(String::new, |goal| {
            let here = match (goal.where_raw_was, line.raw) {
                (Some(there), Some((_, here))) => goal.at_most * here / there,
                _ => goal.at_most,
            };
            let verdict = if value <= here { "met" } else { "not met" };
            if goal.where_raw_was.is_some() {
                let ratio = line.raw.map_or(0.0, |(_, raw)| here / raw);
                format!(
                    "≤ {} (here {}, {ratio:.2} ×): {verdict}",
                    number(goal.at_most, unit),
                    number(here, unit)
                )
            } else {
                format!("≤ {}: {verdict}", number(goal.at_most, unit))
            }
        });
        self.push([
            line.work.to_owned(),
            line.by.to_owned(),
            line.figure.to_string(),
            ratio,
            goal,
            line.also,
        ]);
    }

    pub(crate) fn failed(&mut self, work: &str, error: &anyhow::Error) {
        let why = format!("{error:#}").lines().next().unwrap_or("").to_owned();
        self.push([
            work.to_owned(),
            String::new(),
            "could not be measured".to_owned(),
            String::new(),
            String::new(),
            why.replace('|', "/"),
        ]);
    }

    fn push(&mut self, cells: [String; COLUMNS]) {
        eprintln!("  {}", cells.join(" | "));
        self.0.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| {} |", HEAD.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(COLUMNS))?;
        for cells in &self.0 {
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

impl Figure {
    /// At least one value, all in `unit`.
    pub(crate) fn new(mut values: Vec<f64>, unit: &'static str) -> Self {
        values.sort_by(f64::total_cmp);
        Self { values, unit }
    }

    pub(crate) fn one(value: f64, unit: &'static str) -> Self {
        Self::new(vec![value], unit)
    }

    pub(crate) fn median(&self) -> f64 {
        self.values
            .get(self.values.len() / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", number(self.median(), self.unit))?;
        match self.values.as_slice() {
            [low, .., high] => write!(
                out,
                " [{}-{}, {}]",
                digits(*low),
                digits(*high),
                self.values.len()
            ),
            _ => Ok(()),
        }
    }
}

fn number(value: f64, unit: &str) -> String {
    format!("{} {unit}", digits(value)).trim_end().to_owned()
}

/// Three digits that count.
fn digits(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}
