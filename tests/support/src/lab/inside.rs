//! Code of this process that runs on a computer of the lab.

use std::path::Path;

use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Runtime};

use super::space::Space;

/// A runtime whose threads, and so whose sockets, are on one computer.
#[derive(Debug)]
pub struct Inside(Runtime);

impl Inside {
    pub(super) fn new(space: &Space) -> Self {
        let file = fs_err::File::open(Path::new("/run/netns").join(space.name())).unwrap();
        // Threads are where those are that start them.
        let started = std::thread::spawn(move || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
        });
        Self(started.join().unwrap())
    }

    /// Runs to its end, there.
    pub fn run<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> T {
        let job = self.0.spawn(job);
        self.0.block_on(job).unwrap()
    }
}
