//! Who calls the API. Change one thing with `Person { sub: "…", ..ANA }`.

pub use local::demo::people::{AURORA, BOREALIS, Person};

/// Manager of Aurora, reaches everything there.
pub const ANA: Person = local::demo::people::PEOPLE[0];
/// Another manager of Aurora.
pub const CARLA: Person = Person { sub: "carla", name: "Carla Roth", email: "carla@aurora.example", ..ANA };
/// May read in Aurora.
pub const VICTOR: Person = local::demo::people::PEOPLE[1];
/// Manager of Aurora's German accounts only.
pub const MIRA: Person = local::demo::people::PEOPLE[2];
/// Manager of Borealis.
pub const BO: Person = local::demo::people::PEOPLE[3];
