//! Writes `ui/src/api/types.ts` from the types of the calls, and fails when the committed file is another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use super::Call;
use super::request::calls_of_the_page;

/// Set, it rewrites the file instead of comparing it: `make types`.
const WRITE: &str = "SHOAL_WRITE_TYPES";

const HEAD: &str = "\
// Written from the Rust types by `make types`: edit those instead. A test fails when this file is not what they say.
// Names are snake_case: the same JSON travels on the control socket. Times are Unix seconds, sizes bytes, rates bytes a
// second, unless said.
";

/// Takes the calls down, one by one.
pub(super) struct File {
    config: Config,
    /// Declarations by name.
    types: BTreeMap<String, String>,
    calls: String,
}

impl File {
    fn of_the_calls() -> String {
        let mut file = Self {
            config: Config::new().with_large_int("number"),
            types: BTreeMap::new(),
            calls: String::new(),
        };
        calls_of_the_page(&mut file);
        // Part of each item, and what every call may fail with.
        file.declare::<engine::api::State>();
        file.declare::<engine::api::Problem>();
        let mut text = HEAD.to_owned();
        for declaration in file.types.values() {
            text += "\n";
            text += declaration;
        }
        text += "\n/** Every call: name, argument, answer. On the wire {\"call\": name, \"with\": argument}; failure is a Problem. */\n";
        text += "export interface Calls {\n";
        text += &file.calls;
        text += "}\n";
        text
    }

    /// Declares a type and all that it is made of.
    fn declare<T: TS + 'static + ?Sized>(&mut self) {
        T::visit_generics(self);
        if T::output_path().is_some() && !self.types.contains_key(&T::ident(&self.config)) {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            self.types
                .insert(T::ident(&self.config), tidy(&declaration));
            T::visit_dependencies(self);
        }
    }

    pub(super) fn call<C: Call<Answer: TS> + TS>(&mut self) {
        // What asks for nothing in particular needs no name.
        let argument = match C::inline(&self.config) {
            nothing if nothing == "null" => nothing,
            _ => {
                self.declare::<C>();
                C::name(&self.config)
            }
        };
        self.declare::<C::Answer>();
        let answer = C::Answer::name(&self.config);
        let _ = writeln!(self.calls, "  \"{}\": [{argument}, {answer}];", C::NAME);
    }
}

impl TypeVisitor for File {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        self.declare::<T>();
    }
}

/// A field a line, with what it means.
fn tidy(declaration: &str) -> String {
    let short = declaration
        .replace("/**\n * ", "/** ")
        .replace("\n */\n", " */\n");
    let mut tidy = String::new();
    for line in short.lines().map(str::trim_end) {
        let indent = if tidy.contains("export type") {
            "  "
        } else {
            ""
        };
        let _ = writeln!(tidy, "{indent}{line}");
    }
    tidy
}

#[test]
fn the_types_of_the_window_are_those_of_the_engine() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/api/types.ts");
    let text = File::of_the_calls();
    if std::env::var_os(WRITE).is_some() {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        return;
    }
    let committed = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is stale: run `make types` and commit it",
        path.display()
    );
}
