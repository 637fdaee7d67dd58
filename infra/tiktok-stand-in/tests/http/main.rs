//! The stand-in over HTTP: what TikTok is known to do, and what the switches and faults change about it.

// One module of tests, so that clippy knows its helpers for tests too.
#![cfg(test)]

mod accounts;
mod authorization;
mod business_centers;
mod control;
mod envelope;
mod faults;
mod pages;
mod report;
mod support;
mod tokens;
