//! The tests live in journeys/.
