//! What happened, durably.
