//! The parts as they work together: what was written is found, by those who may read it.

mod search;
