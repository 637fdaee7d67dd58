//! The local world, tested from outside: over HTTP, with the real AWS SDK, and with a function that does what the test
//! says.

mod bus;
mod dynamodb;
mod gateway;
mod invoking;
mod landing;
mod operate;
mod page;
mod queue;
mod schedule;
mod secrets;
mod seed;
mod stream;
mod support;
mod terminal;
mod tokens;
