//! What a share takes along, what it leaves out, and that it says so.
