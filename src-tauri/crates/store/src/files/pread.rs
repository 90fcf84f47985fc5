//! Reading at an offset, into memory that nobody has to fill with zeros first.

use std::fs::File;
use std::io;

/// Appends `len` bytes of the file to `buffer`, which has room for them. A file that ends before that is an error.
#[cfg(unix)]
pub(crate) fn append(file: &File, buffer: &mut Vec<u8>, len: usize, offset: u64) -> io::Result<()> {
    let end = buffer.len() + len;
    let start = buffer.len() as u64;
    buffer.reserve_exact(len);
    while buffer.len() < end {
        let at = offset + (buffer.len() as u64 - start);
        let missing = end - buffer.len();
        let spare = rustix::buffer::spare_capacity(buffer);
        let read = match rustix::io::pread(file, spare, at) {
            Ok(read) => read,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if read >= missing {
            // There may be more room than was asked for.
            buffer.truncate(end);
        }
    }
    Ok(())
}

#[cfg(windows)]
pub(crate) fn append(file: &File, buffer: &mut Vec<u8>, len: usize, offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let start = buffer.len();
    buffer.resize(start + len, 0);
    let mut done = 0;
    while done < len {
        let read = file.seek_read(&mut buffer[start + done..], offset + done as u64)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += read;
    }
    Ok(())
}
