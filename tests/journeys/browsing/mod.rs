//! In a real browser: what a marketer sees and does.

mod activating;
mod cancelling;
mod coming_back;
mod details;
mod harness;
mod help_page;
mod keyboard;
mod list;
mod many;
mod pictures;
mod scripts;
mod tiktok_pages;
mod troubleshooting;
mod waiting;
