//! The REST lane through its socket.

mod conventions;
