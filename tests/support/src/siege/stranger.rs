//! A peer that is nothing but a connection: what is said on its streams, and what is answered, is up to whoever has it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, Pending};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use libp2p::core::Endpoint;
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{
    Boxed, DialOpts, ListenerId, PortUse, Transport, TransportError, TransportEvent,
};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, quic, tcp, tls, yamux};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::words;

/// For a connection to be made: who is kept waiting longer tries another.
const PATIENCE: Duration = Duration::from_secs(30);
/// To hang up in order.
const GOODBYE: Duration = Duration::from_millis(250);
/// Streams asked for that wait for their turn.
const WAITING: usize = 64;
/// What is let come of a stream before it is read, where that is little: the other end sees each sip.
const SMALL_WINDOW: u32 = 4096;
/// A line of the negotiation of what a stream speaks.
const MAX_LINE: usize = 1024;
const NEGOTIATION: &str = "/multistream/1.0.0";
const IDENTIFY: &str = "/ipfs/id/1.0.0";
const BITSWAP: &str = "/ipfs/bitswap/";
/// Between two sips of who takes it slowly.
const SIP_EVERY: Duration = Duration::from_millis(250);

/// What becomes of a stream on which blocks are to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    /// They are read as they come.
    Taken,
    /// So many bytes a second are read.
    Sipped(usize),
    /// The exchange is not spoken.
    Refused,
}

/// Somebody, at an address of this computer.
#[derive(Debug)]
pub(super) struct Stranger {
    identity: Keypair,
    from: Ipv4Addr,
}

/// A connection of a [`Stranger`]; hung up when it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Line {
    asks: mpsc::Sender<oneshot::Sender<SubstreamBox>>,
    over: watch::Receiver<bool>,
}

impl Stranger {
    /// Whom nobody has met yet.
    pub(super) fn new(from: Ipv4Addr) -> Self {
        Self {
            identity: Keypair::generate_ed25519(),
            from,
        }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.identity.public().to_peer_id()
    }

    /// Connects to the one at `to`, over TCP or QUIC as that says.
    pub(super) async fn connect(&self, to: &Multiaddr, blocks: Blocks) -> io::Result<Line> {
        let mut transport = self.transport(to, blocks);
        let opts = DialOpts {
            role: Endpoint::Dialer,
            port_use: PortUse::Reuse,
        };
        let dial = transport.dial(to.clone(), opts).map_err(io::Error::other)?;
        let dialled = tokio::time::timeout(PATIENCE, dial).await?;
        let (_, muxer) = dialled.map_err(io::Error::other)?;
        let (asks, asked) = mpsc::channel(WAITING);
        let (ended, over) = watch::channel(false);
        tokio::spawn(async move {
            Connection::new(muxer, asked, blocks).run().await;
            drop(transport);
            let _ = ended.send(true);
        });
        Ok(Line { asks, over })
    }

    fn transport(&self, to: &Multiaddr, blocks: Blocks) -> Boxed<(PeerId, StreamMuxerBox)> {
        if !to.iter().any(|part| part == Protocol::QuicV1) {
            return Bound(self.from)
                .upgrade(Version::V1Lazy)
                .authenticate(tls::Config::new(&self.identity).unwrap())
                .multiplex(yamux::Config::default())
                .boxed();
        }
        let mut config = quic::Config::new(&self.identity);
        if let Blocks::Sipped(_) = blocks {
            config.max_stream_data = SMALL_WINDOW;
        }
        let mut transport = quic::tokio::Transport::new(config)
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
            .boxed();
        // It dials from where it listens.
        let own = Multiaddr::from(self.from).with(Protocol::Udp(0));
        let own = own.with(Protocol::QuicV1);
        transport.listen_on(ListenerId::next(), own).unwrap();
        transport
    }
}

/// TCP from this address: libp2p's own chooses one by itself.
struct Bound(Ipv4Addr);

impl Transport for Bound {
    type Output = tcp::tokio::TcpStream;
    type Error = io::Error;
    type ListenerUpgrade = Pending<io::Result<Self::Output>>;
    type Dial = BoxFuture<'static, io::Result<Self::Output>>;

    fn listen_on(
        &mut self,
        _: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let from = self.0;
        let dial = async move { Ok(tcp::tokio::TcpStream(connect(from, &address).await?)) };
        Ok(dial.boxed())
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Pending
    }
}

/// A bare connection from one address to another.
pub(super) async fn connect(from: Ipv4Addr, to: &Multiaddr) -> io::Result<TcpStream> {
    let mut parts = to.iter();
    let (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) = (parts.next(), parts.next()) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind((from, 0).into())?;
    socket.connect((ip, port).into()).await
}

impl Line {
    /// A stream on which that is spoken; an error if it is not spoken there, or the connection is over.
    pub(super) async fn open(&self, protocol: &str) -> io::Result<SubstreamBox> {
        let (ask, asked) = oneshot::channel();
        let _ = self.asks.send(ask).await;
        // Nobody answers where it is over.
        let mut stream = asked.await.map_err(io::Error::other)?;
        let proposal = [words::line(NEGOTIATION), words::line(protocol)].concat();
        stream.write_all(&proposal).await?;
        stream.flush().await?;
        for expected in [NEGOTIATION, protocol] {
            if read_line(&mut stream).await? != expected {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
        Ok(stream)
    }

    /// Until it is hung up, by whomever.
    pub(super) async fn closed(&self) {
        let mut over = self.over.clone();
        let _ = over.wait_for(|over| *over).await;
    }
}

/// What keeps a connection going.
struct Connection {
    muxer: StreamMuxerBox,
    asked: mpsc::Receiver<oneshot::Sender<SubstreamBox>>,
    waiting: VecDeque<oneshot::Sender<SubstreamBox>>,
    blocks: Blocks,
    answers: JoinSet<()>,
}

impl Connection {
    fn new(
        muxer: StreamMuxerBox,
        asked: mpsc::Receiver<oneshot::Sender<SubstreamBox>>,
        blocks: Blocks,
    ) -> Self {
        Self {
            muxer,
            asked,
            waiting: VecDeque::new(),
            blocks,
            answers: JoinSet::new(),
        }
    }

    async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        // What lasts longer is cut off.
        let _ = tokio::time::timeout(GOODBYE, self.muxer.close()).await;
    }

    /// Ready when it is over, or nobody holds it any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut moved = false;
            while self.answers.try_join_next().is_some() {}
            match self.asked.poll_recv(cx) {
                Poll::Ready(Some(ask)) => {
                    self.waiting.push_back(ask);
                    moved = true;
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            match self.muxer.poll_inbound_unpin(cx) {
                Poll::Ready(Ok(stream)) => {
                    let answer = answer(stream, self.blocks);
                    self.answers.spawn(answer.map(drop));
                    moved = true;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if !self.waiting.is_empty() {
                match self.muxer.poll_outbound_unpin(cx) {
                    Poll::Ready(Ok(stream)) => {
                        let ask = self.waiting.pop_front();
                        let _ = ask.map(|ask| ask.send(stream));
                        moved = true;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            match self.muxer.poll_unpin(cx) {
                Poll::Ready(Ok(_)) => moved = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}

/// Speaks with whoever opened a stream, as far as it knows what about.
async fn answer(mut stream: SubstreamBox, blocks: Blocks) -> io::Result<()> {
    if read_line(&mut stream).await? != NEGOTIATION {
        return Ok(());
    }
    stream.write_all(&words::line(NEGOTIATION)).await?;
    loop {
        let proposal = read_line(&mut stream).await?;
        let speaks_bitswap = proposal.starts_with(BITSWAP) && blocks != Blocks::Refused;
        if !speaks_bitswap && proposal != IDENTIFY {
            stream.write_all(&words::line("na")).await?;
            stream.flush().await?;
            continue;
        }
        stream.write_all(&words::line(&proposal)).await?;
        stream.flush().await?;
        if proposal == IDENTIFY {
            stream
                .write_all(&words::framed(&words::identify(1, 2)))
                .await?;
            return stream.close().await;
        }
        return take(stream, blocks).await;
    }
}

async fn take(mut stream: SubstreamBox, blocks: Blocks) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let sip = match blocks {
            Blocks::Sipped(bytes) => {
                tokio::time::sleep(SIP_EVERY).await;
                (bytes / 4).clamp(1, buffer.len())
            }
            Blocks::Taken | Blocks::Refused => buffer.len(),
        };
        if stream.read(&mut buffer[..sip]).await? == 0 {
            return Ok(());
        }
    }
}

/// A line without its end.
async fn read_line(stream: &mut SubstreamBox) -> io::Result<String> {
    let mut length = 0;
    for shift in [0, 7, 14] {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            break;
        }
    }
    if length > MAX_LINE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut line = vec![0; length];
    stream.read_exact(&mut line).await?;
    let line = String::from_utf8(line).map_err(io::Error::other)?;
    Ok(line.trim_end_matches('\n').to_owned())
}
