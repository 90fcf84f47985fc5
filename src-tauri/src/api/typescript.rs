//! Writes `ui/src/api/types.ts` from the types of the calls, and fails when the committed file is another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use ts_rs::{Config, TS, TypeVisitor};

use super::types::{Request, calls};

/// Set, it rewrites the file instead of comparing it: `make types`.
const WRITE: &str = "SHOAL_WRITE_TYPES";

const HEAD: &str = "\
// Written from the Rust types by `make types`: edit those instead. A test fails when this file is not what they say.
// Names are snake_case: the same JSON travels on the control socket. Times are Unix seconds, sizes bytes, rates bytes a
// second, unless said.
";

/// Takes the calls down, one by one.
pub(super) trait CallList {
    /// A call with an argument; `request` says which request that makes.
    fn call<A: TS + 'static, R: TS + 'static>(&mut self, name: &str, request: fn(A) -> Request);
    /// A call without.
    fn plain<R: TS + 'static>(&mut self, name: &str, request: &Request);
}

struct File {
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
        calls(&mut file);
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

    fn line<R: TS + 'static>(&mut self, name: &str, argument: &str) {
        self.declare::<R>();
        let answer = R::name(&self.config);
        let _ = writeln!(self.calls, "  \"{name}\": [{argument}, {answer}];");
    }
}

impl TypeVisitor for File {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        self.declare::<T>();
    }
}

impl CallList for File {
    fn call<A: TS + 'static, R: TS + 'static>(&mut self, name: &str, _: fn(A) -> Request) {
        self.declare::<A>();
        let argument = A::name(&self.config);
        self.line::<R>(name, &argument);
    }

    fn plain<R: TS + 'static>(&mut self, name: &str, request: &Request) {
        assert_eq!(json(request), format!("{{\"call\":\"{name}\"}}"));
        self.line::<R>(name, "null");
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

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
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
