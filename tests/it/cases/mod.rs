//! What happens to people: each test began as a report of somebody whose evening a program of this kind had spoilt.

mod bombs;
mod car;
mod content;
mod damaged;
mod desk;
mod disks;
mod left_out;
mod names;
mod owned;
mod peers;
mod settled;
mod two;
