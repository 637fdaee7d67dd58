//! The sweep: it finds what lapsed, invents nothing, and tells of exactly what was committed.

mod crashes;
mod evening;
mod going_on;
mod guard;
mod lapses;
mod outages;
mod queue;
mod rate;
mod relay;
mod resume;
mod revoking;
mod revoking_crashes;
