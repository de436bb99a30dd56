//! The client against a server that answers by a script: breaks at exact places, answers held back, refusals.

mod reading;
mod scripted;
mod session;
