//! Reading at an offset, into memory that nobody has to fill with zeros first.

use std::io;

use bytes::Bytes;
use fs_err::File;
use unixfs::{Cid, cid};

/// The leaf under a CID as it would be if its bytes are these of the file. `None`: they are not, or are not there.
pub fn read_leaf(file: &File, cid: &Cid, offset: u64, len: u32) -> Option<Bytes> {
    let framed = cid.codec() != cid::RAW;
    let mut block = Vec::new();
    leaf_into(file, &mut block, offset, len, framed).ok()?;
    cid::verify(cid, &block).ok()?;
    Some(block.into())
}

/// Puts a leaf's block into the buffer in place of what was in it, unverified: bytes of the file, in a frame if it has one.
pub(crate) fn leaf_into(
    file: &File,
    buffer: &mut Vec<u8>,
    offset: u64,
    len: u32,
    framed: bool,
) -> io::Result<()> {
    let len = len as usize;
    let (before, after) = if framed {
        unixfs::leaf_frame(len)
    } else {
        Default::default()
    };
    buffer.clear();
    buffer.reserve_exact(before.len() + len + after.len());
    buffer.extend_from_slice(&before);
    append(file, buffer, len, offset)?;
    buffer.extend_from_slice(&after);
    Ok(())
}

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
        let read = match rustix::io::pread(file.file(), spare, at) {
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
        let read = file
            .file()
            .seek_read(&mut buffer[start + done..], offset + done as u64)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += read;
    }
    Ok(())
}
