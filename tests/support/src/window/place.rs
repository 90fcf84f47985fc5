//! A place on the page, found as a screen reader finds it: by role and name, inside of other places.
//!
//! A place is looked for anew at each use and waited for, so that it may come, go and be redrawn in between.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::app::Window;
use crate::wait::{HUNG, within};

/// Finds the place in the page; see the file.
const FIND: &str = include_str!("find.js");

/// How long something has to stay away until it counts as gone: longer than the page needs to draw.
const GONE_FOR: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub struct Place<'a> {
    window: &'a Window<'a>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    role: String,
    name: String,
    /// The whole name, not a part of it.
    exact: bool,
}

/// What is there now.
#[derive(Debug, Default, Deserialize)]
pub struct Found {
    /// The first that fits.
    element: Option<Value>,
    name: String,
    /// What it shows, and the names of pictures in it.
    pub text: String,
    /// Of a field.
    pub value: String,
    pub enabled: bool,
    /// Of a progress bar, 0 to 100.
    pub now: Option<f64>,
    /// For a failure: what else is on the page.
    outline: String,
}

impl<'a> Place<'a> {
    pub(super) fn new(window: &'a Window<'a>) -> Self {
        Self {
            window,
            steps: Vec::new(),
        }
    }

    /// Something inside of it, whose name contains `name`.
    pub fn inside(&self, role: &str, name: &str) -> Self {
        self.step(role, name, false)
    }

    /// Something inside of it, whose whole name is `name`.
    pub fn inside_named(&self, role: &str, name: &str) -> Self {
        self.step(role, name, true)
    }

    pub fn button(&self, name: &str) -> Self {
        self.inside_named("button", name)
    }

    pub fn field(&self, name: &str) -> Self {
        self.inside("textbox", name)
    }

    fn step(&self, role: &str, name: &str, exact: bool) -> Self {
        let mut place = self.clone();
        place.steps.push(Step {
            role: role.to_owned(),
            name: name.to_owned(),
            exact,
        });
        place
    }

    /// Waits until it is there.
    pub fn appears(&self) -> Found {
        self.wait("is there", |_| true)
    }

    /// Waits until it shows `text`.
    pub fn says(&self, text: &str) -> Found {
        self.wait(&format!("says {text:?}"), |found| found.text.contains(text))
    }

    /// Waits until what is there `fits`.
    pub fn wait(&self, what: &str, mut fits: impl FnMut(&Found) -> bool) -> Found {
        let mut last = Found::default();
        let found = within(HUNG, || {
            let found = self.look();
            if found.element.is_some() && fits(&found) {
                return Some(found);
            }
            last = found;
            None
        });
        found.unwrap_or_else(|| {
            panic!(
                "waited in vain until {self} {what}; there is {:?} with the text {:?}\n{}",
                last.name, last.text, last.outline
            )
        })
    }

    /// Waits until it has gone.
    pub fn goes(&self) {
        let gone = within(HUNG, || {
            within(GONE_FOR, || self.is_there().then_some(()))
                .is_none()
                .then_some(())
        });
        assert!(gone.is_some(), "waited in vain until {self} goes");
    }

    pub fn is_there(&self) -> bool {
        self.look().element.is_some()
    }

    /// Clicks it, once it is there, enabled, and nothing lies over it. A driver that is slow may complain of a click that was
    /// done: what went after a click was clicked.
    pub fn click(&self) {
        let mut last = String::new();
        let mut tried = false;
        let clicked = within(HUNG, || {
            let found = self.look();
            if tried && found.element.is_none() {
                return Some(());
            }
            let Some(element) = found.element.filter(|_| found.enabled) else {
                last = format!("it is not there or not enabled\n{}", found.outline);
                return None;
            };
            let clicked = self.window.browser.click(&element);
            tried = true;
            clicked.map_err(|error| last = error.to_string()).ok()
        });
        assert!(clicked.is_some(), "{self} can't be clicked: {last}");
    }

    /// Types into it.
    pub fn types(&self, text: &str) {
        let mut last = String::new();
        let typed = within(HUNG, || {
            let element = self.look().element?;
            let typed = self.window.browser.type_into(&element, text);
            typed.map_err(|error| last = error.to_string()).ok()
        });
        assert!(typed.is_some(), "nothing can be typed into {self}: {last}");
    }

    /// What is there now, without waiting.
    pub fn look(&self) -> Found {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| json!({ "role": step.role, "name": step.name, "exact": step.exact }))
            .collect();
        // A page that is being loaded answers nothing yet.
        let found = self.window.browser.execute(FIND, vec![Value::Array(steps)]);
        found
            .ok()
            .and_then(|found| serde_json::from_value(found).ok())
            .unwrap_or_default()
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, step) in self.steps.iter().rev().enumerate() {
            let within = if number > 0 { " in " } else { "" };
            write!(out, "{within}{} {:?}", step.role, step.name)?;
        }
        Ok(())
    }
}
