//! Peers that send other bytes than were asked for: one disk that rots, and one who does it on
//! purpose.

use super::*;
use crate::client::limits::{MAX_STRIKES, SPOILT, SPOILT_MAX};

/// Bytes that nobody asked for.
const ROT: u8 = 200;

impl Rig {
    /// What comes of all that is due until then; whatever is asked for of the first block is answered
    /// with rot.
    fn rot_until(&mut self, end: Instant) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            while let Some(action) = self.client.poll(self.now) {
                let said = short(&action);
                let is_asked = said.contains("block 1");
                out.push(said);
                if is_asked {
                    self.block(1, ROT);
                }
            }
            let Some(at) = self.client.deadline().filter(|at| *at <= end) else {
                self.now = end;
                return out;
            };
            self.now = self.now.max(at);
            self.client.on_deadline(self.now);
        }
    }
}

#[test]
fn one_rotten_block_is_seldom_asked_for_again_and_never_a_ban() {
    let mut rig = Rig::new([1, 2, 3], &[1], &[1]);
    rig.check(&["p1 full: block 1; block 2; block 3"]);
    rig.block(1, ROT);
    rig.check(&[]);
    rig.block(1, 2);
    rig.block(1, 3);
    // Only now it is clear which of the three it was.
    rig.check(&["deliver 2 to 1", "deliver 3 to 1", "p1: cancel 1"]);
    assert!(rig.client.is_stuck(SESSION, rig.now));
    rig.client.release(2000, rig.now);

    let day = rig.now + Duration::from_hours(24);
    let said = rig.rot_until(day);
    let asked = said.iter().filter(|said| said.contains("block 1")).count();
    let most = 24 * 3600 / SPOILT_MAX.as_secs() + 7;
    assert!(asked > 1 && asked as u64 <= most, "{said:?}");
    assert!(!said.iter().any(|said| said.contains("misbehaved")));

    // Until it is mended.
    rig.now += SPOILT_MAX;
    rig.client.on_deadline(rig.now);
    let said = rig.actions();
    assert!(said.contains(&"p1: block 1".to_owned()), "{said:?}");
    rig.block(1, 1);
    rig.check(&["deliver 1 to 1"]);
}

#[test]
fn a_peer_with_a_rotten_block_is_asked_for_everything_else_at_once() {
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.check(&["p1 full: block 1"]);
    rig.block(1, ROT);
    rig.check(&["p1: cancel 1"]);
    let other = SessionId(2);
    for (minute, n) in (10..20).enumerate() {
        rig.client.open(other, rig.now);
        rig.client.add_providers(other, &[peer(1)], rig.now);
        rig.client.want(other, vec![want(n, 0)], rig.now);
        rig.check(&[&format!("p1: block {n}")]);
        rig.block(1, n);
        rig.check(&[&format!("deliver {n} to 2")]);
        rig.client.release(1000, rig.now);
        rig.client.close(other, rig.now);
        if minute < 8 {
            let until = rig.now + Duration::from_mins(1);
            rig.rot_until(until);
        }
    }
}

#[test]
fn the_memory_of_rot_outlives_the_want_and_the_connection() {
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.check(&["p1 full: block 1"]);
    rig.block(1, ROT);
    rig.check(&["p1: cancel 1"]);
    rig.client.close(SESSION, rig.now);
    rig.client.disconnected(peer(1), rig.now);
    rig.actions();

    rig.client.open(SESSION, rig.now);
    rig.client
        .want(SESSION, vec![want(1, 0), want(2, 0)], rig.now);
    rig.client.connected(peer(1), Version::V1_2, rig.now);
    rig.client.add_providers(SESSION, &[peer(1)], rig.now);
    let said = rig.actions();
    assert!(said.contains(&"p1 full: block 2".to_owned()), "{said:?}");
    // Somebody else may have it.
    rig.client.connected(peer(2), Version::V1_2, rig.now);
    rig.client.add_providers(SESSION, &[peer(2)], rig.now);
    let said = rig.actions();
    assert!(
        said.iter().any(|said| said.starts_with("p2 full: block 1")),
        "{said:?}"
    );
}

#[test]
fn a_holder_of_a_part_is_asked_anew_what_it_had_spoilt() {
    let mut rig = Rig::new([1, 2], &[1], &[]);
    rig.check(&["p1 full: have 1; have 2"]);
    rig.presences(1, &[2], Presence::DontHave);
    rig.presences(1, &[1], Presence::Have);
    rig.check(&["p1: block 1"]);
    rig.block(1, ROT);
    let said = rig.actions();
    assert!(said.contains(&"p1: cancel 1".to_owned()), "{said:?}");
    let soon = rig.now + SPOILT / 2;
    let said = rig.rot_until(soon);
    assert!(!said.iter().any(|said| said.contains(" 1")), "{said:?}");
    let later = soon + SPOILT;
    let said = rig.rot_until(later);
    assert!(said.iter().any(|said| said.contains('1')), "{said:?}");
}

#[test]
fn two_blocks_that_rotted_alike_are_told_from_the_others() {
    let mut rig = Rig::new(1..=6, &[1], &[1]);
    rig.actions();
    for n in [3, ROT, 4, ROT, 5, 6] {
        rig.block(1, n);
    }
    let said = rig.actions();
    assert!(
        said.contains(&"p1: cancel 1; cancel 2".to_owned()),
        "{said:?}"
    );
    assert!(!said.iter().any(|said| said.contains("misbehaved")));
}

#[test]
fn what_was_cancelled_and_comes_late_is_no_rot() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.check(&["p1 full: block 1; block 2"]);
    rig.client.unwant(SESSION, &[cid(2)], rig.now);
    rig.check(&["p1: cancel 2"]);
    rig.block(1, 2);
    rig.check(&[]);
    rig.block(1, 1);
    rig.check(&["deliver 1 to 1"]);
}

#[test]
fn many_different_wrong_blocks_are_malice() {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small whole number"
    )]
    let enough = MAX_STRIKES as u8;
    let mut rig = Rig::new(1..=40, &[1], &[1]);
    rig.actions();
    for n in 0..enough - 1 {
        rig.block(1, ROT + n);
    }
    rig.check(&[]);
    rig.block(1, ROT + enough);
    let said = rig.actions();
    assert_eq!(said[0], "misbehaved p1");
}

/// The same bytes for everything: each request excuses one.
#[test]
fn the_same_bytes_without_a_question_are_malice() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.actions();
    for _ in 0..2 {
        rig.block(1, ROT);
    }
    rig.check(&["p1: cancel 1; cancel 2"]);
    for _ in 0..40 {
        rig.block(1, ROT);
    }
    rig.check(&["misbehaved p1"]);
}
