//! Tests of segments as a whole: what is written is what is read, in every order, and nothing else is.

mod support;

mod caching;
mod damage;
mod forged;
mod golden;
mod hostile;
mod merging;
mod reading;
mod writing;
