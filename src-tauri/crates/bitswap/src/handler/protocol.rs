//! Agreeing with the peer on a version, for each stream.

use std::convert::Infallible;
use std::future::{Ready, ready};

use libp2p::core::UpgradeInfo;
use libp2p::swarm::Stream;
use libp2p::{InboundUpgrade, OutboundUpgrade};

use crate::wire::Version;

/// Offers all versions up to the newest, best first.
#[derive(Debug, Clone, Copy)]
pub struct Protocols {
    newest: Option<Version>,
}

/// A version under the name that is negotiated.
#[derive(Debug, Clone, Copy)]
pub struct Offer(Version);

impl AsRef<str> for Offer {
    fn as_ref(&self) -> &str {
        self.0.protocol()
    }
}

impl Protocols {
    pub(crate) fn up_to(newest: Version) -> Self {
        Self {
            newest: Some(newest),
        }
    }

    /// Offers nothing: Bitswap does not run there.
    pub(crate) fn none() -> Self {
        Self { newest: None }
    }

    pub(super) fn offers(self) -> impl Iterator<Item = Offer> {
        Version::ALL
            .into_iter()
            .filter(move |version| Some(*version) <= self.newest)
            .map(Offer)
    }
}

impl UpgradeInfo for Protocols {
    type Info = Offer;
    type InfoIter = std::vec::IntoIter<Offer>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.offers().collect::<Vec<_>>().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, Version);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, Offer(version): Offer) -> Self::Future {
        ready(Ok((stream, version)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, Version);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, Offer(version): Offer) -> Self::Future {
        ready(Ok((stream, version)))
    }
}
