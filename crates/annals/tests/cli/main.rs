//! The command line against a real server: real processes, real files, what a person sees and what a program reads.

mod advice;
mod checking;
mod damage;
mod events;
mod failures;
mod foreign;
mod harness;
mod interrupted;
mod names;
mod operating;
mod piped;
mod screens;
mod tables;
mod tailing;
mod terminal;
mod values;
