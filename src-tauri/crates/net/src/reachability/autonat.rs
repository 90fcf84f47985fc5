//! AutoNAT v2 on the wire, the asking side: a server is sent one of our addresses and a number,
//! dials the address, and says the number there.
//!
//! Two protocols, each one question and one answer on a stream of its own, so libp2p's
//! request-response carries them. When to ask whom about what is [`super::probe`]'s to decide.
//! libp2p's own client tries each address once and never again, and keeps every address that
//! anybody claims to have seen; a person who asks "can others reach me?" wants to know it now. A
//! server that wants to be sent dummy data first (it does where our address is not the one it sees
//! us at) is not asked on: another one will do.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::{Multiaddr, StreamProtocol};
use unixfs::proto::{self, Reader, Value};

/// The protocol by which servers are known.
pub(crate) const DIAL_REQUEST: StreamProtocol =
    StreamProtocol::new("/libp2p/autonat/2/dial-request");
const DIAL_BACK: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-back");
/// A server dials for up to 15 s (go-libp2p) before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer: three small numbers.
const MAX_MESSAGE: usize = 64;
/// Streams of one connection on which numbers are said to us.
const MAX_STREAMS: usize = 8;

pub(crate) type DialRequests = request_response::Behaviour<DialRequestCodec>;
pub(crate) type DialBacks = request_response::Behaviour<DialBackCodec>;

pub(crate) fn dial_requests() -> DialRequests {
    let config = request_response::Config::default()
        .with_request_timeout(ANSWER_TIMEOUT)
        .with_max_concurrent_streams(MAX_STREAMS);
    request_response::Behaviour::with_codec(
        DialRequestCodec,
        [(DIAL_REQUEST, ProtocolSupport::Outbound)],
        config,
    )
}

pub(crate) fn dial_backs() -> DialBacks {
    let config = request_response::Config::default()
        .with_request_timeout(ANSWER_TIMEOUT)
        .with_max_concurrent_streams(MAX_STREAMS);
    request_response::Behaviour::with_codec(
        DialBackCodec,
        [(DIAL_BACK, ProtocolSupport::Inbound)],
        config,
    )
}

/// Dial this, and say the number there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DialRequest {
    pub(crate) address: Multiaddr,
    pub(crate) nonce: u64,
}

/// What a server made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It got through, and said the number.
    Reached,
    /// It dialled and nobody answered, or not we.
    NotReached,
    /// It didn't try.
    Refused,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DialRequestCodec;

impl Codec for DialRequestCodec {
    type Protocol = StreamProtocol;
    type Request = DialRequest;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &Self::Protocol, _: &mut T) -> io::Result<DialRequest>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn read_response<T>(&mut self, _: &Self::Protocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        answer(&read_message(io).await?)
    }

    async fn write_request<T>(
        &mut self,
        _: &Self::Protocol,
        io: &mut T,
        request: DialRequest,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&encode(&request)).await
    }

    async fn write_response<T>(
        &mut self,
        _: &Self::Protocol,
        _: &mut T,
        _: Answer,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DialBackCodec;

impl Codec for DialBackCodec {
    type Protocol = StreamProtocol;
    /// The number.
    type Request = u64;
    type Response = ();

    async fn read_request<T>(&mut self, _: &Self::Protocol, io: &mut T) -> io::Result<u64>
    where
        T: AsyncRead + Unpin + Send,
    {
        nonce(&read_message(io).await?)
    }

    async fn read_response<T>(&mut self, _: &Self::Protocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn write_request<T>(&mut self, _: &Self::Protocol, _: &mut T, _: u64) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn write_response<T>(&mut self, _: &Self::Protocol, io: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        // `DialBackResponse { status: OK }`: OK is 0, and what is 0 is not written.
        io.write_all(&[0]).await
    }
}

/// `Message { dialRequest: DialRequest { addrs: [address], nonce } }`, with its length in front.
fn encode(request: &DialRequest) -> Vec<u8> {
    let mut inner = Vec::new();
    proto::put_bytes(&mut inner, 1, request.address.as_ref());
    proto::put_fixed64(&mut inner, 2, request.nonce);
    let mut message = Vec::new();
    proto::put_bytes(&mut message, 1, &inner);
    let mut framed = Vec::new();
    proto::put_varint(&mut framed, message.len() as u64);
    framed.extend(message);
    framed
}

/// The server's last word. A request for dummy data is a refusal to us.
fn answer(message: &[u8]) -> io::Result<Answer> {
    const OK: u64 = 200;
    const DIAL_ERROR: u64 = 100;
    let (mut status, mut dial_status) = (0, 0);
    let mut fields = Reader::new(message, 0..message.len());
    match fields.field().map_err(invalid)? {
        Some((2, Value::Bytes(response))) => {
            let mut fields = Reader::new(message, response);
            while let Some(field) = fields.field().map_err(invalid)? {
                match field {
                    (1, Value::Varint(number)) => status = number,
                    (3, Value::Varint(number)) => dial_status = number,
                    _ => {}
                }
            }
        }
        Some((3, _)) => return Ok(Answer::Refused),
        _ => return Err(invalid("no answer")),
    }
    Ok(match (status, dial_status) {
        (OK, OK) => Answer::Reached,
        (OK, DIAL_ERROR) => Answer::NotReached,
        _ => Answer::Refused,
    })
}

/// The number in what a server says when it dials back.
fn nonce(message: &[u8]) -> io::Result<u64> {
    let mut fields = Reader::new(message, 0..message.len());
    while let Some(field) = fields.field().map_err(invalid)? {
        if let (1, Value::Fixed64(nonce)) = field {
            return Ok(nonce);
        }
    }
    Err(invalid("no number"))
}

async fn read_message<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    // Short messages only: their length is one byte.
    let mut length = [0];
    io.read_exact(&mut length).await?;
    let length = usize::from(length[0]);
    if length > MAX_MESSAGE {
        return Err(invalid("too long"));
    }
    let mut message = vec![0; length];
    io.read_exact(&mut message).await?;
    Ok(message)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn check_answer(message: &[u8], expected: Option<Answer>) {
        let mut framed = vec![u8::try_from(message.len()).unwrap()];
        framed.extend(message);
        let mut io = framed.as_slice();
        let (mut codec, protocol) = (DialRequestCodec, DIAL_REQUEST);
        let read = codec.read_response(&protocol, &mut io);
        assert_eq!(read.now_or_never().unwrap().ok(), expected, "{message:?}");
    }

    #[test]
    fn what_a_server_says_is_understood() {
        let response =
            |status: &[u8]| [&[0x12, u8::try_from(status.len()).unwrap()], status].concat();
        // 200 is 0xc8 0x01 as a varint.
        check_answer(
            &response(&[8, 0xc8, 1, 0x18, 0xc8, 1]),
            Some(Answer::Reached),
        );
        check_answer(
            &response(&[8, 0xc8, 1, 0x18, 100]),
            Some(Answer::NotReached),
        );
        check_answer(&response(&[8, 0xc8, 1, 0x18, 101]), Some(Answer::Refused));
        check_answer(&response(&[8, 100]), Some(Answer::Refused));
        check_answer(&response(&[]), Some(Answer::Refused));
        // It wants dummy data.
        check_answer(&[0x1a, 3, 0x10, 0xb0, 0xea, 1], Some(Answer::Refused));
        for bad in [
            &[][..],
            &[0x12, 9, 1],
            &[0xff; 12],
            &[0x0a, 0],
            &[0x12, 2, 8, 0xff],
        ] {
            check_answer(bad, None);
        }
    }

    #[test]
    fn a_request_is_what_the_specification_says() {
        let request = DialRequest {
            address: "/ip4/8.8.8.8/tcp/4801".parse().unwrap(),
            nonce: 0x0102_0304_0506_0708,
        };
        let expected = [
            21, 0x0a, 19, 0x0a, 8, 4, 8, 8, 8, 8, 6, 0x12, 0xc1, 0x11, 8, 7, 6, 5, 4, 3, 2, 1,
        ];
        assert_eq!(encode(&request), expected);
    }

    #[test]
    fn a_number_is_heard_and_confirmed() {
        let (mut codec, protocol) = (DialBackCodec, DIAL_BACK);
        let mut io = &[9, 9, 8, 7, 6, 5, 4, 3, 2, 1][..];
        let read = codec.read_request(&protocol, &mut io).now_or_never();
        assert_eq!(read.unwrap().unwrap(), 0x0102_0304_0506_0708);
        let mut long = &[255; 300][..];
        let read = codec.read_request(&protocol, &mut long).now_or_never();
        assert!(read.unwrap().is_err());
        let mut said = Vec::new();
        let write = codec.write_response(&protocol, &mut said, ());
        write.now_or_never().unwrap().unwrap();
        assert_eq!(said, [0]);
    }
}
