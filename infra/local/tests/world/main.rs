//! The local world, tested from outside: over HTTP, with the real AWS SDK, and with a function that does what the test
//! says.

mod dynamodb;
mod gateway;
mod invoking;
mod landing;
mod secrets;
mod story;
mod support;
mod tokens;
