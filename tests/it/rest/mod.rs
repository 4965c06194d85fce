//! The REST lane through its socket.

mod batch;
mod casework;
mod conflicts;
mod conventions;
mod faults;
mod hidden;
mod lists;
mod nodes;
mod reading;
mod repeats;
mod rights;
mod steps;
