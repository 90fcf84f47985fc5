//! The real window, as a person uses it: dropped on, clicked, closed, opened again.

mod around;
mod page;
mod problems;
mod transfer;
