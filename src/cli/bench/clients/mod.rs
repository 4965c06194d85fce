//! What clients ask that are out there already, as they ask it: the evidence room's poller, the board of a control center.

pub(super) mod board;
pub(super) mod drain;
