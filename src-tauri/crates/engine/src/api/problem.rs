//! What is told when something went wrong, or was left out. Plain data.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use store::index::{self, StoredProblem, StoredRetry};

/// Who tries again after a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// The engine does, by itself.
    Auto,
    /// The person can, when the cause is gone.
    User,
    /// It would fail again.
    Never,
}

/// A problem as a person reads it: what happened, to what, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Problem {
    /// Stable, for scripts: lower case with hyphens.
    pub code: String,
    /// One sentence that names the cause.
    pub message: String,
    /// The next step, where there is one.
    pub hint: Option<String>,
    pub retry: Retry,
    /// The file, link or setting it is about.
    pub subject: Option<String>,
    /// How many it is about: of "3 files changed", 3.
    pub count: Option<u64>,
    /// The field of a form that it is about: `link`, `into`, `select`, or a setting's key.
    pub field: Option<String>,
}

/// A file or folder that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Skipped {
    /// As the person knows it: a path on this machine, or inside the item.
    pub path: String,
    pub reason: String,
}

impl From<index::Skipped> for Skipped {
    fn from(skipped: index::Skipped) -> Self {
        Self {
            path: skipped.path,
            reason: skipped.reason,
        }
    }
}

impl From<Problem> for StoredProblem {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.code,
            message: problem.message,
            hint: problem.hint,
            retry: match problem.retry {
                Retry::Auto => StoredRetry::Auto,
                Retry::User => StoredRetry::User,
                Retry::Never => StoredRetry::Never,
            },
            subject: problem.subject,
            count: problem.count,
            field: problem.field,
        }
    }
}

impl From<StoredProblem> for Problem {
    fn from(problem: StoredProblem) -> Self {
        Self {
            code: problem.code,
            message: problem.message,
            hint: problem.hint,
            retry: match problem.retry {
                StoredRetry::Auto => Retry::Auto,
                StoredRetry::User => Retry::User,
                StoredRetry::Never => Retry::Never,
            },
            subject: problem.subject,
            count: problem.count,
            field: problem.field,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_kept_as_it_is_told() {
        let problem = Problem {
            code: "no-space".into(),
            message: "the disk is full".into(),
            hint: None,
            retry: Retry::Auto,
            subject: Some("/data".into()),
            count: Some(3),
            field: Some("into".into()),
        };
        let told = serde_json::to_string(&problem).unwrap();
        let kept = serde_json::to_string(&StoredProblem::from(problem.clone())).unwrap();
        assert_eq!(kept, told);
        let kept: StoredProblem = serde_json::from_str(&kept).unwrap();
        assert_eq!(Problem::from(kept), problem);
    }
}
