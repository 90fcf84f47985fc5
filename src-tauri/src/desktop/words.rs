//! The few words that are said outside the page: the tray's menu and notifications.
//!
//! They stand in the page's own dictionaries (`tray.json`, `problem.json`), whose other entries only the page can put
//! together; here a value is put in place of its `{name}` and nothing more.

use std::collections::HashMap;
use std::sync::LazyLock;

use engine::api::Problem;

type Dictionary = HashMap<String, String>;

/// What is said in one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    tray: &'static Dictionary,
    problems: &'static Dictionary,
}

struct Language {
    code: &'static str,
    tray: Dictionary,
    problems: Dictionary,
}

macro_rules! language {
    ($code:literal) => {
        Language {
            code: $code,
            tray: read(include_str!(concat!(
                "../../../ui/src/locales/",
                $code,
                "/tray.json"
            ))),
            problems: read(include_str!(concat!(
                "../../../ui/src/locales/",
                $code,
                "/problem.json"
            ))),
        }
    };
}

/// English first: it is spoken where nothing better is known.
static LANGUAGES: LazyLock<[Language; 4]> = LazyLock::new(|| {
    [
        language!("en"),
        language!("de"),
        language!("es"),
        language!("zh"),
    ]
});

/// A test makes sure that they can be read.
fn read(text: &str) -> Dictionary {
    serde_json::from_str(text).unwrap_or_default()
}

impl Words {
    /// For the setting `language`, of which `auto` means the system's.
    pub(super) fn of(setting: &str) -> Self {
        let locale = match setting {
            "auto" => sys_locale::get_locale().unwrap_or_default(),
            chosen => chosen.to_owned(),
        };
        let code = locale.split(['-', '_', '.']).next().unwrap_or_default();
        let known = LANGUAGES.iter().find(|language| language.code == code);
        let language = known.unwrap_or(&LANGUAGES[0]);
        Self {
            tray: &language.tray,
            problems: &language.problems,
        }
    }

    pub(super) fn say(self, key: &str) -> &'static str {
        let said = self.tray.get(key).or_else(|| LANGUAGES[0].tray.get(key));
        said.map_or("", String::as_str)
    }

    pub(super) fn say_of(self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.say(key), values)
    }

    /// The problem in one sentence, if there is one for it that needs no grammar.
    pub(super) fn problem(self, problem: &Problem) -> Option<String> {
        let of = problem.subject.as_ref().and_then(|subject| {
            let text = self.problems.get(&format!("{}.of", problem.code))?;
            Some(fill(text, &[("subject", subject)]))
        });
        let said = of.or_else(|| self.problems.get(&problem.code).cloned())?;
        (!said.contains('{')).then_some(said)
    }

    /// A speed: bytes a second, in the unit that leaves one to three digits before the point.
    pub(super) fn rate(self, rate: u64) -> String {
        const UNITS: [&str; 4] = ["B/s", "kB/s", "MB/s", "GB/s"];
        let mut value = rate as f64;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1000.0;
            unit += 1;
        }
        let digits = usize::from(unit > 0 && value < 9.95);
        let number = format!("{value:.digits$}").replace('.', self.say("decimal"));
        format!("{number} {}", UNITS[unit])
    }
}

fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut rest = text;
    let mut filled = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value = after.split_once('}').and_then(|(name, after)| {
            Some((values.iter().find(|(known, _)| *known == name)?.1, after))
        });
        if let Some((value, after)) = value {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use engine::api::Retry;

    use super::*;

    #[test]
    fn every_language_says_everything() {
        for language in LANGUAGES.iter() {
            assert!(!language.problems.is_empty(), "{}", language.code);
            for (key, english) in &LANGUAGES[0].tray {
                let said = language.tray.get(key);
                let said = said.unwrap_or_else(|| panic!("{} in {}", key, language.code));
                for value in ["{name}", "{down}", "{up}"] {
                    assert_eq!(
                        said.contains(value),
                        english.contains(value),
                        "{key} in {}",
                        language.code
                    );
                }
            }
        }
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        let check = |text: &str, filled: &str| {
            assert_eq!(fill(text, &[("name", "{up} {name}")]), filled);
        };
        check("{name} is here", "{up} {name} is here");
        check("{other} {name", "{other} {name");
        check("", "");
    }

    #[test]
    fn speeds_are_short() {
        let check = |rate: u64, said: &str| assert_eq!(Words::of("en").rate(rate), said);
        check(0, "0 B/s");
        check(999, "999 B/s");
        check(1000, "1.0 kB/s");
        check(9_960, "10 kB/s");
        check(999_600, "1.0 MB/s");
        check(123_456_789, "123 MB/s");
        check(1_230_000_000_000, "1230 GB/s");
    }

    #[test]
    fn a_problem_is_said_in_one_sentence_or_not() {
        let problem = |code: &str, subject: Option<&str>| Problem {
            code: code.to_owned(),
            message: String::new(),
            hint: None,
            retry: Retry::User,
            subject: subject.map(str::to_owned),
            count: Some(3),
            field: None,
        };
        let words = Words::of("en");
        let said = words.problem(&problem("no-space", Some("/disk")));
        assert!(said.unwrap().contains("/disk"));
        assert!(words.problem(&problem("no-space", None)).is_some());
        assert_eq!(words.problem(&problem("files-changed", None)), None);
        assert_eq!(words.problem(&problem("nonsense", None)), None);
    }
}
