//! Real server processes: how they start, are watched, run short of things, are looked after, and stop.

mod rebuild;
