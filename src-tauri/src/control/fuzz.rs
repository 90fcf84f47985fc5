//! What comes over the control socket, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::io;

use engine::api::{Changes, InspectView, ItemView, LibraryView, NetworkView, Problem, SettingView};
use futures::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{Line, read_chunk, read_line, write_line};
use crate::api::Request;
use crate::fuzz_input::Input;

/// What is read as a call is written so that it is read as the same; a line that is too long is no request.
pub(crate) fn requests(bytes: &[u8]) {
    let most = bytes.len() as u64;
    let Ok(request) = read::<Request>(&mut &*bytes, most) else {
        return;
    };
    let written = serde_json::to_value(&request).unwrap();
    let again: Request = serde_json::from_value(written.clone()).expect("what was written is read");
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
    assert_eq!(again.only_waits(), request.only_waits());
    let line = 1 + bytes.iter().position(|byte| *byte == b'\n').unwrap() as u64;
    assert!(read::<Request>(&mut &*bytes, line - 1).is_err());
}

/// An answer ends, gives no more bytes than came, and its values are those that were sent.
pub(crate) fn answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(9) {
        0 => value::<LibraryView>(input.rest()),
        1 => value::<NetworkView>(input.rest()),
        2 => value::<Changes>(input.rest()),
        3 => value::<Vec<ItemView>>(input.rest()),
        4 => value::<Vec<SettingView>>(input.rest()),
        5 => value::<InspectView>(input.rest()),
        6 => value::<Problem>(input.rest()),
        _ => lines(input.rest()),
    }
}

fn lines(mut answer: &[u8]) {
    let came = answer.len();
    let mut given = 0;
    while let Ok(line) = read::<Line>(&mut answer, came as u64) {
        let mut written = Vec::new();
        write_line(&mut written, &line)
            .now_or_never()
            .unwrap()
            .unwrap();
        let again =
            read::<Line>(&mut &*written, written.len() as u64).expect("what was written is read");
        assert_eq!(
            serde_json::to_value(&again).unwrap(),
            serde_json::to_value(&line).unwrap()
        );
        match line {
            Line::Bytes(len) => match read_chunk(&mut answer, len).now_or_never().unwrap() {
                Ok(chunk) => given += chunk.len(),
                Err(_) => break,
            },
            Line::End | Line::Problem(_) => break,
            Line::Value(_) => {}
        }
    }
    assert!(given <= came);
}

fn read<T: DeserializeOwned>(from: &mut &[u8], limit: u64) -> io::Result<T> {
    let read = read_line(from, limit).now_or_never();
    let read = read.expect("all of it is there");
    if let Err(error) = &read {
        let kinds = [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    read
}

fn value<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&value).unwrap();
    let again: T = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(serde_json::to_vec(&again).unwrap(), written);
}
