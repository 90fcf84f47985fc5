//! The list of items as a person looks at it: a filter, a search and an order, of which a window is on the screen.

mod types;

pub use self::types::{
    Counts, Filter, Focus, LibraryRequest, LibraryView, Notice, NoticeKind, RateSample, Rates,
    Reach, Sort,
};
