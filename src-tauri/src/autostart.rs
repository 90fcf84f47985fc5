//! The entry by which a Linux desktop starts Shoal at login: one file, written anew at each start, so that it names the program
//! where it lies now. What the person's desktop put into it stays.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

const NAME: &str = "Shoal.desktop";

/// Puts the entry there, or takes it away.
pub(crate) fn set(on: bool) -> io::Result<()> {
    let entry = entry().ok_or(io::ErrorKind::NotFound)?;
    set_at(&entry, &program()?, on)
}

fn set_at(entry: &Path, program: &Path, on: bool) -> io::Result<()> {
    if !on {
        return match fs::remove_file(entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
    }
    let exec = exec(program)?;
    let before = fs::read_to_string(entry).unwrap_or_default();
    let after = if before.lines().any(|line| line.starts_with("Exec=")) {
        let lines = before.lines().map(|line| match line {
            line if line.starts_with("Exec=") => &exec,
            line => line,
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    } else {
        format!(
            "[Desktop Entry]\nType=Application\nVersion=1.0\nName=Shoal\nIcon=shoal\n{exec}\nStartupNotify=false\nTerminal=false\n"
        )
    };
    if after == before {
        return Ok(());
    }
    if let Some(folder) = entry.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = entry.with_extension("new");
    fs::write(&new, after)?;
    fs::rename(new, entry)
}

/// The program as it is to be started: the image that an AppImage came as.
fn program() -> io::Result<PathBuf> {
    match std::env::var_os("APPIMAGE") {
        Some(image) => Ok(image.into()),
        None => std::env::current_exe(),
    }
}

fn entry() -> Option<PathBuf> {
    let chosen = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = chosen
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("autostart").join(NAME))
}

/// The line that starts the program without a window, by the Desktop Entry Specification: the path in quotes, in which some
/// characters are escaped once for the quotes and once more as in every value, and `%` would be a field.
fn exec(program: &Path) -> io::Result<String> {
    let path = program.to_str().ok_or(io::ErrorKind::InvalidData)?;
    let mut quoted = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '"' | '`' | '$' => quoted.extend(["\\\\", c.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            // A value is one line, and nobody has such a path but to do harm.
            c if c.is_control() => return Err(io::ErrorKind::InvalidData.into()),
            c => quoted.push(c),
        }
    }
    Ok(format!("Exec=\"{quoted}\" --hidden"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_quoted() {
        for (path, line) in [
            ("/My Apps/shoal", r#"Exec="/My Apps/shoal" --hidden"#),
            ("/100%/$a/shoal", r#"Exec="/100%%/\\$a/shoal" --hidden"#),
            (r"/a\b/shoal", r#"Exec="/a\\\\b/shoal" --hidden"#),
            (r#"/a"b/shoal"#, r#"Exec="/a\\"b/shoal" --hidden"#),
        ] {
            assert_eq!(exec(Path::new(path)).unwrap(), line);
        }
        assert!(exec(Path::new("/a\nExec=evil")).is_err());
    }

    #[test]
    fn the_entry_follows_the_program_and_keeps_what_the_desktop_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let entry = dir.path().join("autostart").join(NAME);
        set_at(&entry, Path::new("/old/shoal"), true).unwrap();
        let text = fs::read_to_string(&entry).unwrap();
        assert!(text.contains("\nExec=\"/old/shoal\" --hidden\n"));
        fs::write(&entry, text + "X-GNOME-Autostart-enabled=false\n").unwrap();
        set_at(&entry, Path::new("/new place/shoal"), true).unwrap();
        let text = fs::read_to_string(&entry).unwrap();
        assert!(text.contains("\nExec=\"/new place/shoal\" --hidden\n"));
        assert!(!text.contains("/old/") && text.ends_with("enabled=false\n"));
        for _ in 0..2 {
            set_at(&entry, Path::new("/new place/shoal"), false).unwrap();
            assert!(!entry.exists());
        }
    }
}
