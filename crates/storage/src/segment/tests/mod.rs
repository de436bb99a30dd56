//! Tests of segments as a whole: what is written is what is read, in every order, and nothing else is.

mod support;

mod damage;
mod golden;
mod merging;
mod reading;
mod writing;
