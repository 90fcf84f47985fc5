//! What the engine has to say for whoever looks for a fault: on standard error, only errors, unless `SHOAL_LOG` asks for
//! more.
//!
//! Logging never ends anything. A line that can't be written, because the disk under it is full or its reader is gone, is
//! dropped: an error or a panic in its place would end whichever thread had something to tell. Nor does it do anything else to
//! whoever reads it: strangers choose some of the words, so that all are made safe for a terminal here, and a line stays a line.

use std::io::{self, Write};

use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use super::text::shown;

pub(super) fn init() {
    let builder = tracing_subscriber::fmt()
        .with_writer(|| Dropping(io::stderr()))
        .with_ansi(false)
        // Else the subscriber prints that it could not print, which panics.
        .log_internal_errors(false);
    match std::env::var("SHOAL_LOG") {
        Ok(wanted) => builder.with_env_filter(EnvFilter::new(wanted)).init(),
        Err(_) => builder.with_max_level(LevelFilter::ERROR).init(),
    }
}

/// Writes as long as that works, and says that it worked.
struct Dropping<W>(W);

impl<W: Write> Write for Dropping<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let words = String::from_utf8_lossy(line);
        let words = words.strip_suffix('\n').unwrap_or(&words);
        let _ = self.0.write_all(format!("{}\n", shown(words)).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_written_is_dropped() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let mut log = Dropping(Full);
        log.write_all(b"a line\n").unwrap();
        log.flush().unwrap();
        let mut log = Dropping(Vec::new());
        log.write_all(b"a line\n").unwrap();
        log.write_all(b"a name\x1b[2J\n ERROR made up\n").unwrap();
        let said = String::from_utf8(log.0).unwrap();
        assert_eq!(said, "a line\na name\\u{1b}[2J\\u{a} ERROR made up\n");
    }
}
