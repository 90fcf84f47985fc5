//! Nodes that break the rules: what they answer to a wantlist instead of the real server.

use bitswap::wire::{Presence, WantEntry, WantType};

use crate::node::{Msg, cid_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Honest,
    /// Says HAVE to every want-have, and sends nothing.
    Boaster,
    /// Says HAVE to every want-have, then DONT_HAVE to every want-block.
    Fickle,
    /// Answers every message with blocks that nobody asked for.
    Spammer,
    /// Answers every message with thousands of presences that nobody asked for.
    Flooder,
    /// Answers every want-block with other bytes, no two alike.
    Forger,
    /// Says nothing at all.
    Mute,
}

pub(crate) fn answer(manners: Manners, entries: &[WantEntry], chance: u64) -> Option<Msg> {
    let asked = |kind: WantType, presence: Presence| {
        let entries = entries
            .iter()
            .filter(move |e| !e.cancel && e.want_type == kind);
        entries.map(move |e| (e.cid, presence))
    };
    let (blocks, presences) = match manners {
        Manners::Honest | Manners::Mute => return None,
        Manners::Boaster => (vec![], asked(WantType::Have, Presence::Have).collect()),
        Manners::Fickle => {
            let yes = asked(WantType::Have, Presence::Have);
            (
                vec![],
                yes.chain(asked(WantType::Block, Presence::DontHave))
                    .collect(),
            )
        }
        Manners::Spammer => ((0..4).map(|i| u64::MAX - i).collect(), vec![]),
        Manners::Forger => {
            let blocks = asked(WantType::Block, Presence::Have).count() as u64;
            let forged = (0..blocks).map(|i| (1 << 63) + (chance >> 1).wrapping_add(i) % (1 << 62));
            (
                forged.collect(),
                asked(WantType::Have, Presence::Have).collect(),
            )
        }
        Manners::Flooder => {
            let flood = (0..20_000).map(|i| (cid_of(u64::MAX / 2 + i), Presence::Have));
            (vec![], flood.collect())
        }
    };
    Some(Msg::Answers {
        blocks,
        presences,
        from_server: false,
    })
}
