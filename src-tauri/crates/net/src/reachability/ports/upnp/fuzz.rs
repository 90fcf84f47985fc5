//! What routers, and whoever poses as one, say of themselves. For the fuzzer and the tests.

#![allow(clippy::unwrap_used, reason = "what fails here has broken a promise")]

use super::*;
use crate::limits::MAX_ROUTER_WORDS;

/// A router is asked only at addresses that are its own, and its name is one line.
pub(crate) fn answers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (answer, description) = text.split_once("\r\n\r\n").unwrap_or((&text, &text));
    let router: IpAddr = [192, 168, 1, 1].into();
    let is_trusted = |ip: IpAddr| ip == router;
    if let Some(name) = friendly_name(description) {
        assert!(!name.is_empty() && name.chars().count() <= MAX_ROUTER_WORDS);
        assert!(!name.contains(char::is_control));
    }
    let Some((addr, location)) = plain::location(answer, is_trusted) else {
        return;
    };
    assert_eq!(addr.ip(), router);
    let Some(mut gateway) = plain::described(addr, location, description, is_trusted) else {
        return;
    };
    assert_eq!(gateway.addr, addr);
    assert!(
        gateway.control_url.starts_with("http://192.168.1.1"),
        "{}",
        gateway.control_url
    );
    let after = gateway.control_url["http://192.168.1.1".len()..]
        .chars()
        .next();
    assert!(after.is_none_or(|c| matches!(c, ':' | '/' | '?' | '#')));
    plain::complete(&mut gateway);
    assert!(gateway.control_schema.contains_key("AddPortMapping"));
}
