//! What this computer is called, and what it is, where nobody says otherwise.

use std::path::Path;
use std::sync::OnceLock;

use net::devices::{Card, Kind};
use store::files::read_small;

/// Bytes of a file of the system's that is read: a number.
const MAX_FACT: u64 = 64;
/// A computer without a name of its own.
const NAMELESS: &str = "Shoal";

/// The host's name, without its domain.
pub(super) fn name() -> String {
    called(&gethostname::gethostname().to_string_lossy())
}

fn called(host: &str) -> String {
    let host = host.split('.').next().unwrap_or_default();
    let name = Card::new(host, Kind::Other).name;
    if name.is_empty() || name == "localhost" {
        return NAMELESS.to_owned();
    }
    name
}

/// As far as its maker says so. It is found out once.
pub(super) fn kind() -> Kind {
    static KIND: OnceLock<Kind> = OnceLock::new();
    *KIND.get_or_init(|| {
        let chassis = read_small(Path::new("/sys/class/dmi/id/chassis_type"), MAX_FACT);
        let chassis = chassis.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        of_chassis(chassis.and_then(|text| text.trim().parse().ok()))
    })
}

/// By the number that SMBIOS 3.7 (7.4.1) has for the case.
fn of_chassis(number: Option<u8>) -> Kind {
    match number {
        Some(8..=10 | 14 | 30..=32) => Kind::Laptop,
        Some(17 | 23 | 25 | 28 | 29) => Kind::Server,
        _ => Kind::Desktop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computer_is_called_as_its_host_is() {
        assert_eq!(called("otter.home.arpa"), "otter");
        assert_eq!(called("Bens-MacBook.local"), "Bens-MacBook");
        assert_eq!(called(&"a".repeat(300)).len(), 64);
        for nameless in ["", "localhost", "localhost.localdomain", "\n"] {
            assert_eq!(called(nameless), NAMELESS);
        }
    }

    #[test]
    fn a_case_tells_what_is_in_it() {
        assert_eq!(of_chassis(Some(10)), Kind::Laptop);
        assert_eq!(of_chassis(Some(23)), Kind::Server);
        assert_eq!(of_chassis(Some(3)), Kind::Desktop);
        assert_eq!(of_chassis(None), Kind::Desktop);
    }
}
