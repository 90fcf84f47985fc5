//! One file's syntax tree, walked: see [`crate::sources`] for what is kept and what is left out.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Fields, Item, Lit, Meta, UseTree};

use crate::module::{Declared, Module, Named};

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Visited {
    /// Its own, and those written within it.
    pub(crate) modules: Vec<Module>,
    pub(crate) declared: Vec<Declared>,
    pub(crate) lines_of_tests: usize,
}

pub(crate) fn file(declared: &Declared, syntax: &syn::File) -> Visited {
    let module = Module {
        path: declared.path.clone(),
        file: declared.file.clone(),
        header: header(&syntax.attrs),
        ..Module::default()
    };
    let mut walk = Walk {
        done: Visited {
            modules: Vec::new(),
            declared: Vec::new(),
            lines_of_tests: 0,
        },
        stack: vec![module],
        folder: declared.folder.clone(),
        in_tests: declared.in_tests,
    };
    walk.visit_file(syntax);
    walk.done.modules.append(&mut walk.stack);
    walk.done.modules.reverse();
    walk.done
}

struct Walk {
    done: Visited,
    /// The module being read, within those around it.
    stack: Vec<Module>,
    folder: PathBuf,
    in_tests: bool,
}

impl Walk {
    fn module(&mut self) -> &mut Module {
        let inner = self.stack.len() - 1;
        &mut self.stack[inner]
    }

    /// Whether this is there only in tests, and then counts its lines.
    fn skip(&mut self, attributes: &[Attribute], span: Span) -> bool {
        let skip = only_in_tests(attributes);
        if skip {
            // A span of an item begins at its attributes.
            self.done.lines_of_tests += span.end().line + 1 - span.start().line;
        }
        skip
    }

    fn path(&mut self, segments: Vec<String>, at: Span) {
        let line = at.start().line;
        self.module().paths.push(Named {
            what: segments,
            line,
        });
    }

    fn word(&mut self, word: &str, at: Span) {
        let named = Named {
            what: word.to_owned(),
            line: at.start().line,
        };
        self.module().words.push(named);
    }

    fn fields(&mut self, name: String, fields: &Fields, at: Span) {
        let there = fields.iter().filter(|field| !only_in_tests(&field.attrs));
        let named = Named {
            what: (name, there.count()),
            line: at.start().line,
        };
        self.module().structs.push(named);
    }

    fn declare(&mut self, module: &syn::ItemMod, in_tests: bool) {
        let name = module.ident.unraw().to_string();
        let mut path = self.module().path.clone();
        path.push(name.clone());
        let around = self.folder.clone();
        if let Some((_, items)) = &module.content {
            self.folder = around.join(name);
            let before = std::mem::replace(&mut self.in_tests, in_tests);
            if in_tests {
                self.only_declarations(items, path);
            } else {
                let file = self.module().file.clone();
                self.stack.push(Module {
                    path,
                    file,
                    header: header(&module.attrs),
                    ..Module::default()
                });
                for item in items {
                    self.visit_item(item);
                }
                self.done.modules.extend(self.stack.pop());
            }
            self.in_tests = before;
            self.folder = around;
        } else {
            let (file, folder) = match given_path(&module.attrs) {
                Some(given) => {
                    // Beside the file that says it, whatever that is called.
                    let beside = self
                        .module()
                        .file
                        .parent()
                        .unwrap_or(Path::new(""))
                        .join(given);
                    let folder = beside.parent().unwrap_or(Path::new("")).to_owned();
                    (beside, folder)
                }
                None => (PathBuf::new(), around),
            };
            self.done.declared.push(Declared {
                path,
                file,
                folder,
                in_tests,
            });
        }
    }

    /// Of tests within a file: nothing counts but the files that they bring in.
    fn only_declarations(&mut self, items: &[Item], path: Vec<String>) {
        let file = self.module().file.clone();
        self.stack.push(Module {
            path,
            file,
            ..Module::default()
        });
        for item in items {
            if let Item::Mod(module) = item {
                self.declare(module, true);
            }
        }
        self.stack.pop();
    }

    fn uses(&mut self, tree: &UseTree, mut before: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.unraw().to_string());
                self.uses(&path.tree, before);
            }
            UseTree::Name(name) => {
                let known_as = name.ident.unraw().to_string();
                self.import(known_as.clone(), before, known_as, name.span());
            }
            UseTree::Rename(rename) => {
                let name = rename.ident.unraw().to_string();
                let known_as = rename.rename.unraw().to_string();
                self.import(known_as, before, name, rename.span());
            }
            UseTree::Glob(glob) => {
                self.path(before.clone(), glob.span());
                self.module().globs.push(before);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.uses(tree, before.clone());
                }
            }
        }
    }

    /// `use a::b::{self as c}` names `a::b`.
    fn import(&mut self, known_as: String, mut path: Vec<String>, name: String, at: Span) {
        let known_as = match (&*known_as, path.last()) {
            ("self", Some(last)) => last.clone(),
            _ => known_as,
        };
        if name != "self" || path.is_empty() {
            path.push(name);
        }
        self.path(path.clone(), at);
        self.module().uses.insert(known_as, path);
    }

    /// What stands in a macro's brackets or an attribute's: words and paths, without their meaning.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut after_dot = false;
        let mut start = Span::call_site();
        for token in tokens {
            let dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
            let after_dot = std::mem::replace(&mut after_dot, dot);
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.unraw().to_string();
                    self.word(&name, ident.span());
                    if after_dot {
                        self.word(&format!(".{name}"), ident.span());
                    }
                    if colons != 2 {
                        self.end_of_path(&mut path, start);
                        start = ident.span();
                    }
                    path.push(name);
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end_of_path(&mut path, start);
                    colons = 0;
                    self.tokens(group.stream());
                }
                _ => {
                    self.end_of_path(&mut path, start);
                    colons = 0;
                }
            }
        }
        self.end_of_path(&mut path, start);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>, start: Span) {
        if path.len() > 1 {
            self.path(std::mem::take(path), start);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item(&mut self, item: &'ast Item) {
        if self.skip(attributes(item), item.span()) {
            if let Item::Mod(module) = item {
                self.declare(module, true);
            }
            return;
        }
        if let Some(name) = defined(item) {
            self.module().items.insert(name);
        }
        match item {
            Item::Mod(module) => return self.declare(module, self.in_tests),
            Item::Use(item) => {
                for word in words_of(&item.tree) {
                    self.word(&word.what, item.span());
                }
                return self.uses(&item.tree, Vec::new());
            }
            Item::Struct(item) => self.fields(item.ident.to_string(), &item.fields, item.span()),
            Item::Enum(item) => {
                for variant in item
                    .variants
                    .iter()
                    .filter(|variant| !only_in_tests(&variant.attrs))
                {
                    let name = format!("{}::{}", item.ident, variant.ident);
                    self.fields(name, &variant.fields, variant.span());
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            syn::ImplItem::Macro(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !self.skip(attributes, item.span()) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        let attributes = match item {
            syn::TraitItem::Const(item) => &item.attrs,
            syn::TraitItem::Fn(item) => &item.attrs,
            syn::TraitItem::Type(item) => &item.attrs,
            syn::TraitItem::Macro(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !self.skip(attributes, item.span()) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.skip(&field.attrs, field.span()) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !self.skip(&field.attrs, field.span()) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !self.skip(&variant.attrs, variant.span()) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.skip(&arm.attrs, arm.span()) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !self.skip(&local.attrs, local.span()) {
            visit::visit_local(self, local);
        }
    }

    fn visit_stmt_macro(&mut self, statement: &'ast syn::StmtMacro) {
        if !self.skip(&statement.attrs, statement.span()) {
            visit::visit_stmt_macro(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let attributes: &[Attribute] = match expression {
            Expr::Block(block) => &block.attrs,
            Expr::Call(call) => &call.attrs,
            Expr::MethodCall(call) => &call.attrs,
            Expr::If(branch) => &branch.attrs,
            Expr::Assign(assign) => &assign.attrs,
            _ => &[],
        };
        if self.skip(attributes, expression.span()) {
            return;
        }
        match expression {
            // Told from a variable of that name.
            Expr::MethodCall(call) => self.word(&format!(".{}", call.method), call.method.span()),
            Expr::Await(wait) => self.word("await", wait.await_token.span()),
            Expr::Async(block) => self.word("async", block.async_token.span()),
            Expr::Closure(closure) => {
                if let Some(token) = &closure.asyncness {
                    self.word("async", token.span());
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expression);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(token) = &signature.asyncness {
            self.word("async", token.span());
        }
        visit::visit_signature(self, signature);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter();
            let names = names.map(|segment| segment.ident.unraw().to_string());
            let mut names: Vec<String> = names.collect();
            if path.leading_colon.is_some() {
                names.insert(0, String::new());
            }
            self.path(names, path.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.word(&ident.unraw().to_string(), ident.span());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        self.visit_path(attribute.path());
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone()),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
            Meta::Path(_) => {}
        }
    }

    /// `pub(in crate::room)` says who may come, and brings nothing in.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn words_of(tree: &UseTree) -> Vec<Named<String>> {
    let named = |ident: &syn::Ident| Named {
        what: ident.unraw().to_string(),
        line: ident.span().start().line,
    };
    match tree {
        UseTree::Path(path) => {
            let mut words = words_of(&path.tree);
            words.push(named(&path.ident));
            words
        }
        UseTree::Name(name) => vec![named(&name.ident)],
        UseTree::Rename(rename) => vec![named(&rename.ident), named(&rename.rename)],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(group) => group.items.iter().flat_map(words_of).collect(),
    }
}

fn header(attributes: &[Attribute]) -> String {
    let inner = |attribute: &&Attribute| {
        matches!(attribute.style, syn::AttrStyle::Inner(_)) && attribute.path().is_ident("doc")
    };
    let lines = attributes.iter().filter(inner).filter_map(text_of);
    lines.collect::<Vec<String>>().join("\n")
}

fn given_path(attributes: &[Attribute]) -> Option<String> {
    let given = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("path"));
    given.and_then(text_of)
}

/// The text in `#[name = "text"]`.
fn text_of(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Whether one of these is a `#[cfg(…)]` that can't hold without `test`.
pub(crate) fn only_in_tests(attributes: &[Attribute]) -> bool {
    let conditions = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    let mut conditions = conditions.filter_map(|attribute| attribute.parse_args::<Meta>().ok());
    conditions.any(|condition| without_test(&condition) == Some(false))
}

/// What a condition comes to where `test` is not set; `None` where that hangs on something else.
fn without_test(condition: &Meta) -> Option<bool> {
    let parts = |list: &syn::MetaList| -> Vec<Option<bool>> {
        let separated = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
        let parts = list.parse_args_with(separated).unwrap_or_default();
        parts.iter().map(without_test).collect()
    };
    match condition {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::List(list) if list.path.is_ident("not") => {
            parts(list).first().copied().flatten().map(|held| !held)
        }
        Meta::List(list) if list.path.is_ident("all") => {
            let parts = parts(list);
            if parts.contains(&Some(false)) {
                Some(false)
            } else {
                parts
                    .into_iter()
                    .collect::<Option<Vec<bool>>>()
                    .map(|_| true)
            }
        }
        Meta::List(list) if list.path.is_ident("any") => {
            let parts = parts(list);
            if parts.contains(&Some(true)) {
                Some(true)
            } else {
                parts
                    .into_iter()
                    .collect::<Option<Vec<bool>>>()
                    .map(|_| false)
            }
        }
        _ => None,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
