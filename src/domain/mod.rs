//! What the words mean. No IO, no clock, no wire names of a lane.
