//! The help page's job, from end to end.

use crate::support::*;

#[tokio::test]
async fn a_world_starts_and_ends() {
    let world = TestWorld::start().await;
    world.finish().await;
}
