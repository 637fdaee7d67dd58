//! The AWS services that the functions use, each as the SDK speaks to it.
//!
//! A service of some size is a folder: its module is the handle that the world and the tests hold, its `wire` is what
//! the SDK talks to. [`stream`], [`scheduler`] and the `source` of [`sqs`] deliver to functions by themselves, as Lambda's
//! event source mappings and `EventBridge` Scheduler do.

pub mod dynamodb;
pub mod events;
pub mod faults;
pub mod invoke;
pub mod json;
pub mod names;
pub mod scheduler;
pub mod secrets;
pub mod sqs;
pub mod stream;
