//! Journeys through the whole service over HTTP, and the rules of this repository. [`support`] is where to begin.

mod causes;
mod main_job;
mod support;
