//! Delivers outbox rows to the event bus.
