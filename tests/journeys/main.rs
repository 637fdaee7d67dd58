//! Journeys through the whole service over HTTP, and the rules of this repository. [`support`] is where to begin.

mod authorization;
mod bad_input;
mod causes;
mod edge;
mod main_job;
mod support;
mod tenancy;
