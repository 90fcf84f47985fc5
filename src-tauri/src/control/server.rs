//! The engine's side: one task a connection, and each request in a task of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::api::Problem;
use futures::StreamExt;
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use interprocess::local_socket::{GenericFilePath, ListenerOptions};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::wire::{self, Line, MAX_REQUEST};
use super::{Ask, address};
use crate::api::{Reply, problem};

/// Connections at once, each a command that somebody on this machine waits for. Each costs a descriptor and a few KiB.
const MAX_CONNECTIONS: usize = 256;
/// How long to wait after an accept that failed, which it does when this process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An open socket.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Opens the socket of a data directory that takes requests `R`. Whoever calls holds the lock that goes with it: a
    /// socket that is there already is what a killed process left.
    pub(crate) fn open<R, S, F>(data_dir: &Path, service: S) -> io::Result<Self>
    where
        R: Ask,
        S: Fn(R) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let path = address::of(data_dir, R::SOCKET)?;
        let listener = listen(&path)?;
        let accepting = tokio::spawn(accept(listener, service));
        Ok(Self { path, accepting })
    }

    /// Takes no more requests; those under way lose their listener, not their effect.
    pub(crate) async fn close(self) {
        self.accepting.abort();
        // Aborted, as asked for.
        let _ = self.accepting.await;
        #[cfg(unix)]
        if let Err(error) = fs_err::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the control socket stays behind");
        }
        tracing::debug!(path = %self.path.display(), "the control socket is closed");
    }
}

#[cfg(unix)]
fn listen(path: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::PermissionsExt;

    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let name = path.to_fs_name::<GenericFilePath>()?;
    let options = ListenerOptions::new().name(name).reclaim_name(false);
    // Elsewhere a socket has no mode before it has a name; there the folder's mode keeps others out from the first moment.
    #[cfg(target_os = "linux")]
    let options = {
        use interprocess::os::unix::local_socket::ListenerOptionsExt;
        options.mode(0o600)
    };
    let listener = options.create_tokio()?;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(windows)]
fn listen(path: &Path) -> io::Result<Listener> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    use widestring::u16cstr;

    // The system and the owner, nobody else.
    let rights = SecurityDescriptor::deserialize(u16cstr!("D:P(A;;GA;;;SY)(A;;GA;;;OW)"))?;
    let name = path.to_fs_name::<GenericFilePath>()?;
    ListenerOptions::new()
        .name(name)
        .security_descriptor(rights)
        .create_tokio()
}

async fn accept<R, S, F>(listener: Listener, service: S)
where
    R: Ask,
    S: Fn(R) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a command could not connect");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            let refused = refuse(stream);
            // Said without waiting: a socket's buffer holds the line, and who doesn't read it learns it from the end.
            let _ = tokio::time::timeout(ACCEPT_PAUSE, refused).await;
            continue;
        };
        let service = service.clone();
        connections.spawn(async move {
            if let Err(error) = serve(stream, service).await {
                tracing::debug!(%error, "a command left");
            }
            drop(place);
        });
    }
}

async fn refuse(mut stream: Stream) -> io::Result<()> {
    wire::write_line(&mut stream, &Line::Problem(problem::engine_busy())).await
}

async fn serve<R, S, F>(stream: Stream, service: S) -> io::Result<()>
where
    R: Ask,
    S: Fn(R) -> F,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let mut stream = BufReader::new(stream);
    let request: R = match wire::read_line(&mut stream, MAX_REQUEST).await {
        Ok(request) => request,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(error),
        Err(error) => {
            let problem = problem::other_version(&error);
            return wire::write_line(&mut stream, &Line::Problem(problem)).await;
        }
    };
    let only_waits = request.only_waits();
    let mut answering = tokio::spawn(service(request));
    let answer = tokio::select! {
        answer = &mut answering => answer.map_err(io::Error::other)?,
        () = gone(&mut stream) => {
            if only_waits {
                answering.abort();
            }
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    match answer {
        Ok(Reply::Value(value)) => wire::write_line(&mut stream, &Line::Value(value)).await,
        Err(problem) => wire::write_line(&mut stream, &Line::Problem(problem)).await,
        Ok(Reply::Bytes(mut chunks)) => {
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(chunk) => wire::write_chunk(&mut stream, &chunk).await?,
                    Err(problem) => {
                        return wire::write_line(&mut stream, &Line::Problem(problem)).await;
                    }
                }
            }
            wire::write_line(&mut stream, &Line::End).await
        }
    }
}

/// Ends when the other side does. After its request it has nothing more to say.
async fn gone(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 64];
    while let Ok(1..) = stream.read(&mut rest).await {}
}
