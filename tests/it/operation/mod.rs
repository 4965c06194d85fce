//! Real server processes: how they start, are watched, run short of things, are looked after, and stop.

mod doctor;
mod failing;
mod limits;
mod logs;
mod panicking;
mod rebuild;
mod short;
mod starting;
mod stopping;
mod watchdog;
