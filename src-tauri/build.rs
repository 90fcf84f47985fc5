//! With the window: what Tauri makes of its configuration, and a word when the window's pages are not there yet.
//!
//! Nothing is generated for the headless program: completions and the manual page come from the program itself.

fn main() {
    println!("cargo::rerun-if-changed=src-tauri/build.rs");
    #[cfg(feature = "desktop")]
    desktop();
}

#[cfg(feature = "desktop")]
fn desktop() {
    use tauri_build::{AppManifest, Attributes};

    println!("cargo::rerun-if-changed=src-tauri/capabilities");
    println!("cargo::rerun-if-changed=src-tauri/permissions");
    println!("cargo::rerun-if-changed=ui/dist/index.html");
    if !std::path::Path::new("ui/dist/index.html").exists() {
        println!(
            "cargo::error=the window's pages are not built yet: run `npm ci && npm run build` in ui/, or `make run`, which \
             does it all; or build without a window: cargo build --no-default-features"
        );
        return;
    }
    let attributes = Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(AppManifest::new().permissions_path_pattern("./src-tauri/permissions/**/*"));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
