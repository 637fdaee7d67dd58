//! Journeys through the whole service over HTTP, and the rules of this repository. [`support`] is where to begin.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod also;
mod authorization;
mod bad_input;
mod browsing;
mod budgets;
mod canaries;
mod causes;
mod consent;
mod crashes;
mod doubt;
mod edge;
mod events;
mod flow;
mod guards;
mod lifetimes;
mod linking;
mod main_job;
mod metrics;
mod outages;
mod pending;
mod races;
mod reading;
mod renewing;
mod reporting_days;
mod rooms;
mod secrets;
mod starting;
mod state;
mod support;
mod sweeping;
mod tenancy;
mod validating;
