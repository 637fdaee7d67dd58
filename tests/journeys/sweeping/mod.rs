//! The sweep: it finds what lapsed, invents nothing, and tells of exactly what was committed.

mod lapses;
