//! Web servers that lie: gateways and delegated routers at once.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use libp2p::PeerId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{QUARTER, Siege};
use crate::lab::Host;

const PORT: u16 = 80;
/// What is read of a question.
const QUESTION: usize = 4096;
const PIECE: usize = 64 * 1024;
/// Between two bytes of who answers slowly.
const DRIP: Duration = Duration::from_secs(1);
const ROUTING: &str = "/routing/v1/";

/// How they answer, each at an address of its own.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// With other bytes than were asked for; as a router, with hundreds of peers who don't exist.
    Wrong,
    Never,
    /// A byte a second.
    Slowly,
    /// With what never ends.
    Endless,
    /// It is elsewhere, which leads here again; or in the home network.
    Elsewhere,
    /// With a head that never ends.
    Head,
}

const ANSWERS: [Answer; 6] = [
    Answer::Wrong,
    Answer::Never,
    Answer::Slowly,
    Answer::Endless,
    Answer::Elsewhere,
    Answer::Head,
];

/// Web servers that have nothing, until they begin to lie.
#[derive(Debug)]
pub struct Liars {
    pub urls: Vec<String>,
    lying: Arc<AtomicBool>,
    siege: Siege,
}

impl Liars {
    /// On that computer, which has to be many.
    pub fn new(host: &Host) -> Self {
        let lying = Arc::new(AtomicBool::new(false));
        let siege = Siege::quiet(host);
        let urls = (200..).zip(ANSWERS).map(|(number, answer)| {
            let [a, b] = QUARTER;
            let ip = Ipv4Addr::new(a, b, number, 1);
            let (lying, blows) = (Arc::clone(&lying), Arc::clone(&siege.blows));
            siege.insides[0].run(async move {
                let listener = TcpListener::bind((ip, PORT)).await.unwrap();
                tokio::spawn(serve(listener, answer, lying, blows));
            });
            format!("http://{ip}:{PORT}/")
        });
        Self {
            urls: urls.collect(),
            lying,
            siege,
        }
    }

    pub fn begin(&self) {
        self.lying.store(true, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.lying.store(false, Ordering::Relaxed);
    }

    /// How often they have lied.
    pub fn blows(&self) -> u64 {
        self.siege.blows()
    }
}

async fn serve(
    listener: TcpListener,
    answer: Answer,
    lying: Arc<AtomicBool>,
    blows: Arc<AtomicU64>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (lying, blows) = (Arc::clone(&lying), Arc::clone(&blows));
        tokio::spawn(async move { speak(stream, answer, &lying, &blows).await });
    }
}

async fn speak(
    mut stream: TcpStream,
    answer: Answer,
    lying: &AtomicBool,
    blows: &AtomicU64,
) -> io::Result<()> {
    let mut question = vec![0; QUESTION];
    loop {
        let length = stream.read(&mut question).await?;
        if length == 0 {
            return Ok(());
        }
        if !lying.load(Ordering::Relaxed) {
            let lacks = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(lacks).await?;
            continue;
        }
        blows.fetch_add(1, Ordering::Relaxed);
        let asked = String::from_utf8_lossy(&question[..length]).into_owned();
        return lie(stream, answer, &asked).await;
    }
}

async fn lie(mut stream: TcpStream, answer: Answer, asked: &str) -> io::Result<()> {
    let asks_router = asked.contains(ROUTING);
    let kind = if asks_router {
        "application/x-ndjson"
    } else {
        "application/vnd.ipld.raw"
    };
    let ok = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n");
    match answer {
        Answer::Wrong => {
            let body = if asks_router {
                (0..500).map(nobody).collect::<String>().into_bytes()
            } else {
                vec![7; 1 << 20]
            };
            let head = format!("{ok}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await
        }
        Answer::Never => std::future::pending().await,
        Answer::Slowly => {
            stream.write_all(format!("{ok}\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(DRIP).await;
            }
        }
        Answer::Endless => {
            stream.write_all(format!("{ok}\r\n").as_bytes()).await?;
            for number in 0.. {
                let piece = if asks_router {
                    nobody(number).into_bytes()
                } else {
                    vec![0; PIECE]
                };
                stream.write_all(&piece).await?;
            }
            Ok(())
        }
        Answer::Elsewhere => {
            let path = asked.split_whitespace().nth(1).unwrap_or("/");
            let there = if path.len().is_multiple_of(2) {
                format!("{path}x")
            } else {
                "http://192.168.1.1/".to_owned()
            };
            let found = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n";
            let head = format!("{found}Location: {there}\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Answer::Head => {
            stream.write_all(ok.as_bytes()).await?;
            loop {
                stream.write_all(b"X-More: and more\r\n").await?;
            }
        }
    }
}

/// Somebody who has everything, where nobody is.
fn nobody(number: u32) -> String {
    let [_, _, c, d] = number.to_be_bytes();
    format!(
        "{{\"Schema\":\"peer\",\"ID\":\"{}\",\"Protocols\":[\"transport-bitswap\"],\"Addrs\":[\"/ip4/140.253.{c}.{d}/tcp/4001\"]}}\n",
        PeerId::random()
    )
}
