//! Nothing is generated for the headless program: completions and the manual page come from the program itself.

fn main() {
    println!("cargo::rerun-if-changed=src-tauri/build.rs");
}
