//! Devices: Shoals with a name that their owner chose, and what they say straight to each other.
//!
//! A device is its peer ID, which the connection has proved. Whatever it says of itself is a
//! stranger's text: two devices may have one name, and any may take another one's.
//!
//! Only this network hears who we are: a device counts as nearby while a direct connection with it
//! stands whose other end lies in one of this machine's own networks.
//!
//! | module | owns |
//! |---|---|
//! | `card` | what a device says of itself, and how it is cut |
//! | `hello` | the protocol `/shoal/hello/1`: both sides' cards |
//! | `met` | which devices said hello, and whom to ask when (pure) |
//! | `offer` | the protocol `/shoal/offer/1`: will you have this, and what became of it |
//! | `desk` | questions of that under way, both ways |

mod card;
mod desk;
mod hello;
mod met;
mod offer;

use libp2p::PeerId;
use libp2p::swarm::NetworkBehaviour;

pub use self::card::{Card, Kind};
pub(crate) use self::desk::Desk;
pub(crate) use self::hello::{HELLO, Hello};
pub(crate) use self::met::Met;
pub(crate) use self::offer::Said;
pub use self::offer::{Asked, Offer, Offered, Question, Stands};

/// What devices speak.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) hello: hello::Hellos,
    pub(crate) offer: offer::Offering,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            hello: hello::hellos(),
            offer: offer::offering(),
        }
    }
}

/// What whoever owns the offers is told.
#[derive(Debug)]
pub enum News {
    Asked(Asked),
    /// A device said hello.
    Here(PeerId),
}

/// A device that said hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub peer: PeerId,
    pub card: Card,
    /// It is on this network now, as far as that can be told.
    pub here: bool,
    pub connected: bool,
    /// When it was last heard of or connected. Unix seconds.
    pub seen: i64,
}
