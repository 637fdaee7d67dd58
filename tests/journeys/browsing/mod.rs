//! In a real browser: what a marketer sees and does.

mod harness;
mod tiktok_pages;
