//! What a command says: sentences for people, or one JSON object a line for scripts.
//!
//! Results go to standard output, everything else to standard error. A reader that goes away ends nothing: what is left
//! to say is dropped. Nor does a disk that is full under the words of a command that does more than say something.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use engine::api::{ItemView, Problem, Skipped, State};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::{Event, Kept, Progress};
use super::hints::{hint, hint_or_look};
use super::text::{bytes, count, people, progress_line, sentence, shown, shown_lines};
use super::{Outcome, problem};

/// Left-out files that are named one by one; more are counted.
const NAMED_SKIPPED: usize = 20;
/// Missing files that are named one by one; more are counted.
const NAMED_MISSING: usize = 20;
/// Characters of a column that all rows make room for: a peer's ID has 52.
const MAX_COLUMN: usize = 56;
/// Times a second that a bar is drawn.
const BAR_RATE: u8 = 10;

/// Where a command's words go; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
    /// Somebody's eyes are on standard output: names must not command the terminal.
    terminal: bool,
    /// Nobody reads standard output any more.
    closed: Arc<AtomicBool>,
    /// What the command does is worth more than what it says.
    goes_on: bool,
    /// Why something of that was not said.
    lost: Arc<OnceLock<Problem>>,
    bar: ProgressBar,
}

impl Output {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        let shown = !json && !quiet && io::stderr().is_terminal();
        let bar = if shown {
            let target = ProgressDrawTarget::stderr_with_hz(BAR_RATE);
            ProgressBar::with_draw_target(None, target).with_style(line_style())
        } else {
            ProgressBar::hidden()
        };
        Self {
            json,
            quiet,
            terminal: io::stdout().is_terminal(),
            closed: Arc::default(),
            goes_on: false,
            lost: Arc::default(),
            bar,
        }
    }

    /// For a command that goes on where its words can't be written; [`Self::complete`] tells at its end.
    pub(super) fn that_goes_on(&self) -> Self {
        Self {
            goes_on: true,
            ..self.clone()
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Tells of an event.
    pub(super) fn event(&self, event: &Event) -> Result<(), Problem> {
        if self.json {
            let line =
                serde_json::to_string(event).map_err(|error| problem::output(&error.into()))?;
            return self.line(&line);
        }
        self.people(event)
    }

    /// Tells of items: one line each.
    pub(super) fn items(&self, items: &[ItemView]) -> Result<(), Problem> {
        if self.json {
            return items
                .iter()
                .try_for_each(|view| self.event(&Event::item(view)));
        }
        if items.is_empty() {
            self.talk("Nothing is shared or downloaded yet.");
        }
        let rows = items.iter().map(|view| {
            let size = if view.total == 0 {
                String::new()
            } else {
                bytes(view.total)
            };
            [view.id.to_string(), size, sentence(view), view.name.clone()]
        });
        self.table(rows)
    }

    /// Rows of cells in columns; the last column is as wide as it likes.
    pub(super) fn table<const N: usize>(
        &self,
        rows: impl Iterator<Item = [String; N]>,
    ) -> Result<(), Problem> {
        let rows: Vec<[String; N]> = rows.map(|row| row.map(|cell| self.safe(&cell))).collect();
        let lines = columns(&rows);
        lines.iter().try_for_each(|line| self.line(line))
    }

    /// How far an item is: a bar for people, an event for scripts.
    pub(super) fn progress(&self, view: &ItemView) -> Result<(), Problem> {
        let event = match view.state {
            State::Hashing => Event::Hashing(Progress::of(view)),
            State::Verifying => Event::Verifying(Progress::of(view)),
            // Its end is told too: even what took no time has had progress.
            State::Downloading | State::Sharing => Event::Progress(Progress::of(view)),
            _ => {
                self.draw(view);
                return Ok(());
            }
        };
        if !self.json {
            self.draw(view);
            return Ok(());
        }
        if self.quiet {
            Ok(())
        } else {
            self.event(&event)
        }
    }

    fn draw(&self, view: &ItemView) {
        if !self.bar.is_hidden() && !self.bar.is_finished() {
            // One message and not a part each: what is drawn belongs together.
            self.bar.set_message(progress_line(view));
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn still(&self) {
        self.bar.finish_and_clear();
    }

    /// A result that is text: a link, a path, a page.
    pub(super) fn text(&self, text: &str) -> Result<(), Problem> {
        self.line(text.trim_end_matches('\n'))
    }

    /// A result whose bytes are the person's own business.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<(), Problem> {
        self.write(bytes)
    }

    /// Whether anybody still reads the results.
    pub(super) fn is_read(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// How a command ends of which something may not have been said.
    pub(super) fn complete(&self, outcome: Outcome) -> Outcome {
        match (outcome, self.lost.get()) {
            (Ok(0), Some(lost)) => Err(lost.clone()),
            (outcome, _) => outcome,
        }
    }

    /// A word to the person beside the results. Names in it are made safe here.
    pub(super) fn talk(&self, words: &str) {
        if !self.quiet && !self.json {
            self.say(words);
        }
    }

    /// What was not as it should be at the start. It is told only once, so that it is said to those too who want to hear no talk.
    pub(super) fn remark(&self, remark: &Problem) -> Result<(), Problem> {
        if self.json {
            return self.event(&Event::remark(remark));
        }
        self.say(&format!("Note: {}.", remark.message));
        if let Some(hint) = hint(remark) {
            self.say(hint);
        }
        Ok(())
    }

    /// What went wrong, and what to do next.
    pub(super) fn problem(&self, problem: &Problem) {
        self.still();
        // A reader that is gone can't be told why.
        if self.json && self.event(&Event::error(problem)).is_ok() {
            return;
        }
        self.say(&format!("Error: {}", problem.message));
        self.say(hint_or_look(problem));
    }

    fn say(&self, words: &str) {
        self.bar.suspend(|| {
            // Without standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", shown_lines(words));
        });
    }

    fn line(&self, line: &str) -> Result<(), Problem> {
        self.write(format!("{line}\n").as_bytes())
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Problem> {
        if !self.is_read() {
            return Ok(());
        }
        let written = self.bar.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if self.goes_on => {
                let _ = self.lost.set(problem::output(&error));
                Ok(())
            }
            written => written.map_err(|error| problem::output(&error)),
        }
    }

    /// A path as a result: its own bytes for a pipe or a file, made safe for a terminal.
    fn path(&self, path: &str) -> Result<(), Problem> {
        if self.terminal {
            return self.text(&shown(path));
        }
        let path = engine::text_path(path);
        self.write(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat())
    }

    /// A name for standard output: as it is for a pipe or a file, made safe for a terminal.
    fn safe(&self, name: &str) -> String {
        if self.terminal {
            shown(name)
        } else {
            name.to_owned()
        }
    }

    fn people(&self, event: &Event) -> Result<(), Problem> {
        match event {
            Event::Shared {
                link,
                name,
                bytes: size,
                files,
                skipped,
                ..
            } => {
                let files = count(*files, "file", "files");
                self.talk(&format!(
                    "Sharing {}: {files}, {}.",
                    shown(name),
                    bytes(*size)
                ));
                self.skipped(skipped);
                self.text(link)
            }
            Event::Done {
                path,
                bytes: size,
                secs,
                was_here,
                undressed,
                fetched,
                also,
                sources,
                skipped,
                ..
            } => {
                let from = people(sources.len() as u64);
                self.talk(&match *fetched {
                    _ if *was_here => format!("It was here already: {}, checked.", bytes(*size)),
                    0 => format!("It is here: {}. Nothing had to be fetched.", bytes(*size)),
                    came if came < *size => format!(
                        "Fetched {} of {} in {secs:.1} s from {from}; the rest did not have to travel.",
                        bytes(came),
                        bytes(*size)
                    ),
                    _ => format!("Fetched {} in {secs:.1} s from {from}.", bytes(*size)),
                });
                if *undressed {
                    self.talk("Its permissions and times stay as they were: Shoal did not make what lies there.");
                }
                if !also.is_empty() {
                    let items = if also.len() == 1 { "Item" } else { "Items" };
                    let share = if also.len() == 1 { "shares" } else { "share" };
                    let also = also.join(", ");
                    self.talk(&format!("{items} {also} {share} what lies there, too."));
                }
                self.skipped(skipped);
                self.path(path)
            }
            Event::Detached { id } => {
                self.talk(&format!(
                    "It goes on by itself. `shoal status {id}` shows how far it is."
                ));
                Ok(())
            }
            Event::Cid { cid, skipped, .. } => {
                self.skipped(skipped);
                self.text(cid)
            }
            Event::Link { link, .. } => self.text(link),
            Event::Removed {
                id,
                kept,
                kept_count,
            } => {
                self.talk(&format!("Item {id} is removed."));
                for Kept { path, reason, .. } in kept.iter().take(NAMED_SKIPPED) {
                    self.talk(&format!("It stays: {}: {reason}", shown(path)));
                }
                let named = kept.len().min(NAMED_SKIPPED) as u64;
                if let Some(more @ 1..) = kept_count.checked_sub(named) {
                    self.talk(&format!("It stays: {more} more"));
                }
                Ok(())
            }
            Event::Imported {
                id,
                name,
                bytes: size,
                was_here,
                skipped,
                ..
            } => {
                let (name, size) = (shown(name), bytes(*size));
                self.talk(&if *was_here {
                    format!("{name} is here already, as item {id}: {size}, checked.")
                } else {
                    format!("Imported {name} as item {id}: {size}.")
                });
                self.skipped(skipped);
                Ok(())
            }
            Event::Exported {
                path, bytes: size, ..
            } => {
                self.talk(&format!("Wrote {}.", bytes(*size)));
                self.path(path)
            }
            Event::Incomplete => {
                self.talk("There is more in it: nobody answered who has the rest of the folder.");
                Ok(())
            }
            Event::Source(source) => {
                self.text(&format!("  from {}: {}", source.peer, bytes(source.bytes)))
            }
            Event::Missing(missing) => {
                let files = missing.files.iter().filter(|path| !path.is_empty());
                for path in files.clone().take(NAMED_MISSING) {
                    self.talk(&format!("  missing: {path}"));
                }
                match missing.count.saturating_sub(NAMED_MISSING as u64) {
                    0 => {}
                    more => self.talk(&format!("  missing: {more} more")),
                }
                for folder in missing.folders.iter().take(NAMED_MISSING) {
                    self.talk(&match folder.as_str() {
                        "" => "  missing: a part of the folder itself".to_owned(),
                        folder => format!("  missing: a part of the folder {}", shown(folder)),
                    });
                }
                Ok(())
            }
            Event::Skipped(skipped) => {
                let Skipped { path, reason } = skipped;
                self.text(&self.safe(&match reason.strip_prefix(engine::SAVED_AS) {
                    Some(name) => format!("  saved {path} as {name}"),
                    None => format!("  left out: {path}: {reason}"),
                }))
            }
            // Told by the commands in tables and sentences of their own, or of interest to scripts only.
            Event::Ready { .. }
            | Event::Hashing(_)
            | Event::Progress(_)
            | Event::Verifying(_)
            | Event::Item(_)
            | Event::Entry(_)
            | Event::Peer(_)
            | Event::Banned(_)
            | Event::Own(_)
            | Event::Device(_)
            | Event::Offer(_)
            | Event::Sent(_)
            | Event::Standing { .. }
            | Event::Status(_)
            | Event::Remark { .. }
            | Event::Network(_)
            | Event::Check(_)
            | Event::Setting(_)
            | Event::Error { .. } => Ok(()),
        }
    }

    fn skipped(&self, skipped: &[Skipped]) {
        for Skipped { path, reason } in skipped.iter().take(NAMED_SKIPPED) {
            self.talk(&match reason.strip_prefix(engine::SAVED_AS) {
                Some(name) => format!("Saved {} as {}", shown(path), shown(name)),
                None => format!("Left out: {}: {reason}", shown(path)),
            });
        }
        if let Some(more @ 1..) = skipped.len().checked_sub(NAMED_SKIPPED) {
            self.talk(&format!("And {more} more: `shoal status ID` names all."));
        }
        if skipped
            .iter()
            .any(|skipped| skipped.reason == engine::HIDDEN)
        {
            self.talk("Take hidden files along with --hidden.");
        }
        let mut unfinished = skipped
            .iter()
            .filter(|skipped| skipped.reason == engine::UNFINISHED);
        if unfinished.next().is_some() {
            self.talk("They have the names that programs give to downloads under way. One that is whole comes along under another name, or when you name the file itself.");
        }
    }
}

/// Rows as lines. What is longer than its column takes room in its own line alone.
fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        let widths = widths.filter(|width| *width <= MAX_COLUMN);
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The message, cut where the terminal ends.
fn line_style() -> ProgressStyle {
    // The template is good: another one would show the default bar.
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_sentence_moves_no_other_row() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let long = "Needs you: ".to_owned() + &"x".repeat(80);
        let rows = [
            row(["1", "Shared", "a"]),
            row(["12", &long, "b"]),
            row(["3", "Paused, 25 %", "c"]),
        ];
        let lines = columns(&rows);
        assert_eq!(lines[0], "1   Shared        a");
        assert_eq!(lines[1], format!("12  {long}  b"));
        assert_eq!(lines[2], "3   Paused, 25 %  c");
    }
}
