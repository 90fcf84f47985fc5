//! What follows from what happened, beyond the room that it happened in: the one place that says
//! after which event what runs.
//!
//! | changed | follows |
//! |---|---|
//! | networks, sleep | connected peers have to show a sign of life; names are looked up anew |
//! | | trusted peers and bootstrap peers are dialled; sessions look nearby |
//! | networks | what was known of how others get here is found out anew |
//! | addresses that others are told | the public DHT's mode, and what is announced in it |
//! | listeners | where devices of this network reach us, and what is announced to them |
//! | tables of the DHTs | whether anything can be announced |
//! | ways to find peers | sessions without sources search again |
//! | peers, reachability | the summary that is shown |
//!
//! What follows from a change of how others get here stands in
//! [`Reachability::changed`](crate::reachability::Reachability::changed).

use std::time::Instant;

use if_watch::IfEvent;

use super::Network;
use crate::reachability::Reachability;
use crate::status::Summary;

#[derive(Debug)]
pub(super) enum Changed {
    /// A network of this machine came or went.
    Networks(IfEvent),
    /// This machine slept.
    Sleep,
    /// The addresses at which others are told to come.
    External,
    /// Where we listen.
    Listeners,
    /// Who is in the DHTs' tables.
    Tables,
    /// There is a new way to find peers.
    WaysToFind,
    /// Who is connected, or how others get here.
    Peers,
}

impl Network {
    pub(super) fn follow(&mut self, changed: Changed) {
        match changed {
            Changed::Networks(event) => {
                match event {
                    IfEvent::Up(network) => {
                        self.policy.network_up(network);
                        self.enter_dht();
                        self.follow(Changed::WaysToFind);
                    }
                    IfEvent::Down(network) => {
                        self.policy.network_down(&network);
                        for connection in self.connections.peers.through(&network) {
                            self.swarm.close_connection(connection);
                        }
                    }
                }
                self.follow(Changed::Sleep);
                self.web.begin_anew();
                self.tell_reachability(Reachability::begin_anew);
            }
            Changed::Sleep => {
                self.connections.network_changed(Instant::now());
                self.names.refresh();
                self.swarm.behaviour_mut().trust.retry_now();
                if self.swarm.behaviour().kad.is_enabled() {
                    self.enter_through_bootstrap();
                }
                self.exchange.sessions.reset_backoff();
                for session in self.exchange.sessions.hungry() {
                    self.look_nearby(session);
                }
            }
            Changed::External => {
                let external = self.swarm.external_addresses().cloned().collect();
                let kads = self.swarm.behaviour_mut().kads();
                self.dht.external_changed(kads, external);
            }
            Changed::Listeners => {
                let own = self.swarm.listeners();
                let near = own.filter(|address| self.policy.is_near(address));
                let near = near.cloned().collect();
                if let Some(lan) = self.swarm.behaviour_mut().lan_dht.as_mut() {
                    self.dht.near_changed(lan, near);
                }
            }
            Changed::Tables => {
                let kads = self.swarm.behaviour_mut().kads();
                self.dht.tables_changed(kads);
            }
            Changed::WaysToFind => {
                self.dht.finder.begin_anew();
                for session in self.exchange.sessions.hungry() {
                    self.find_providers(session);
                }
            }
            Changed::Peers => {
                let ladder = self.reachability.ladder(&self.here());
                let now = Summary {
                    peers: u32::try_from(self.connections.peers.len()).unwrap_or(u32::MAX),
                    reachability: ladder.reachability(),
                };
                self.lasting
                    .summary
                    .send_if_modified(|seen| std::mem::replace(seen, now) != now);
            }
        }
    }
}
