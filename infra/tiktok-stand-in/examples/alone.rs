//! A stand-in by itself, empty, until it is ended; `GET /control/` tells how to fill it. Prints its base URL as its first line.
//!
//! `cargo run -p tiktok-stand-in --example alone -- 127.0.0.1:4000`

use std::{env, error::Error, future, io::Write};

use tiktok_stand_in::{Options, StandIn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let tiktok = StandIn::start(address.parse()?, Options::default()).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", tiktok.base_url())?;
    out.flush()?;
    future::pending::<()>().await;
    Ok(())
}
