//! What things cost on AWS, in one place: how many calls and capacity units each step takes, and list prices.
//!
//! Units: a consistent read of up to 4 KiB is one read unit, an eventually consistent one half of that. A write of up to
//! 1 KiB is one write unit, in a transaction two; every index that the write changes costs more. Sizes of rows are
//! estimated from what the store writes.

use std::ops::AddAssign;

use crate::units::real;

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub database_calls: u64,
    /// Halves of read units.
    pub read_halves: u64,
    pub writes: u64,
    pub queue_requests: u64,
    /// `lapse-sweep` and `check-grant`: invocations, and the time they take, in milliseconds.
    pub invocations: u64,
    pub milliseconds: u64,
    pub events: u64,
}

impl AddAssign for Bill {
    fn add_assign(&mut self, more: Self) {
        self.database_calls += more.database_calls;
        self.read_halves += more.read_halves;
        self.writes += more.writes;
        self.queue_requests += more.queue_requests;
        self.invocations += more.invocations;
        self.milliseconds += more.milliseconds;
        self.events += more.events;
    }
}

fn database(calls: u64, read_halves: u64, writes: u64) -> Bill {
    Bill { database_calls: calls, read_halves, writes, ..Bill::default() }
}

/// `Table::begin`: one `BatchGetItem`, consistent: the grant (2 KiB), the guard, the pause (a row that is not there
/// costs the same).
pub fn begin() -> Bill {
    database(1, 3 * 2, 0)
}

/// `Table::watched`: one `Query` of the index `by_grant`, eventually consistent, some 250 bytes for each ad account;
/// a page of the answer is 1 MiB.
pub fn watched(accounts: u64) -> Bill {
    let bytes = (accounts * 250).max(1);
    database(bytes.div_ceil(1 << 20), bytes.div_ceil(4 << 10), 0)
}

/// `Table::finish` without moves: one `TransactWriteItems`. The grant's row of 2 KiB (4 units), its place in the
/// index `by_due` (taken out and put in again, 2), the run's row (2), each bucket of the tally that changes (2), and each
/// Business Center that is written down again (2).
pub fn finish(buckets: usize, centers: usize) -> Bill {
    database(1, 0, 4 + 2 + 2 + 2 * (buckets + centers) as u64)
}

/// `Table::put_off`: the grant's row in a transaction, and its place in `by_due`.
pub fn put_off() -> Bill {
    database(1, 0, 4 + 2)
}

/// An ad account that moves: its row of 3 KiB is read (2 halves) and written in a transaction (6 units), in the indices
/// `by_status` and `by_grant` (2 each, as the key of the first changes). With an event: its row (2), the row's place in `by_due`
/// (1), and what `relay-events` does when it was delivered: one update (1) that takes it out of there (1).
pub fn moved(accounts: u64, events: u64) -> Bill {
    let units = accounts * (6 + 2 + 2) + events * (2 + 1 + 1 + 1);
    Bill { events, ..database(events, accounts * 2, units) }
}

/// Reading and writing ad accounts that move: one `BatchGetItem` and one `TransactWriteItems` for forty, with the counts of
/// the organisation (2) and those of all (2). The last transaction is that of [`finish`].
pub fn moves(accounts: u64) -> Bill {
    let transactions = accounts.div_ceil(40);
    database(transactions + transactions.saturating_sub(1), 0, transactions * 4)
}

/// The guard's row: one update, in a transaction where a lapse is claimed (the transaction is counted already).
pub fn claim() -> Bill {
    database(0, 0, 2)
}

/// What a check tells the guard (`Table::canary_answered` and its like): one update of a small row.
pub fn tell() -> Bill {
    database(1, 0, 1)
}

/// One run of `lapse-sweep`: the review reads the guard (1 unit) and the tally (one `Query`: 50 buckets of 8 rows of 110 bytes,
/// 11 units) and writes the guard in a transaction (2). The lease is taken and given back: two updates of a row of 6 KiB, which
/// holds 64 marks. Each of 64 shards is queried (half a unit for up to 27 grants of 150 bytes), and where something is due, the
/// mark is written. Four queries for activations and one for the counts of all. Runs take half a second, and 20 ms more for each shard with something due.
pub fn sweep(due: &[u64]) -> Bill {
    let busy = due.iter().filter(|due| **due > 0).count() as u64;
    let queued: u64 = due.iter().sum();
    let pages: u64 = due.iter().map(|due| (due * 150).div_ceil(4 << 10).max(1)).sum();
    Bill {
        queue_requests: busy + queued / 10,
        invocations: 1,
        milliseconds: 500 + 20 * busy,
        ..database(3 + 2 + 64 + busy + 4 + 1, 2 + 22 + pages + 4 + 1, 2 + 2 * 6 + busy * 6)
    }
}

/// One batch of messages: received, deleted, one invocation.
pub fn batch(milliseconds: u64) -> Bill {
    Bill { queue_requests: 2, invocations: 1, milliseconds, ..Bill::default() }
}

/// List prices in us-east-1, on demand, without what is free of charge: dollars per million, memory per GB and second.
const READ_UNITS: f64 = 0.125;
const WRITE_UNITS: f64 = 0.625;
const QUEUE_REQUESTS: f64 = 0.40;
const INVOCATIONS: f64 = 0.20;
const EVENTS: f64 = 1.00;
const GB_SECOND: f64 = 0.000_013_333_4;
/// 256 MB, Arm.
const MEMORY: f64 = 0.25;
/// The queue's pollers ask about this often in a month, whatever there is to do; `relay-events` and the
/// schedules run every minute.
const POLLS: f64 = 5.0 * 3.0 * 60.0 * 24.0 * 30.0;
const MINUTES: f64 = 60.0 * 24.0 * 30.0;

pub const PRICES: &str = "Prices: us-east-1, on demand, nothing free of charge: DynamoDB $0.125 and $0.625 per million read and write units, \
                          Lambda (Arm, 256 MB) $0.0000133334 per GB and second and $0.20 per million invocations, SQS $0.40 per million \
                          requests, EventBridge $1 per million events, schedules $1 per million. Storage and logs are not in it.";

impl Bill {
    pub fn read_units(&self) -> f64 {
        real(self.read_halves) / 2.0
    }

    /// Dollars a month, if all days are like the `days` that this was used in.
    pub fn dollars(&self, days: f64) -> f64 {
        let used = self.read_units() * READ_UNITS
            + real(self.writes) * WRITE_UNITS
            + real(self.queue_requests) * QUEUE_REQUESTS
            + real(self.invocations) * INVOCATIONS
            + real(self.events) * EVENTS;
        let time = real(self.milliseconds) / 1_000.0 * MEMORY * GB_SECOND;
        // `relay-events` runs every minute, too, for a tenth of a second: one query for each of 16 shards.
        let relay = MINUTES * (INVOCATIONS + 16.0 * 0.5 * READ_UNITS) / 1e6 + MINUTES * 0.1 * MEMORY * GB_SECOND;
        let standing = (POLLS * QUEUE_REQUESTS + 2.0 * MINUTES * 1.0) / 1e6 + relay;
        (used / 1e6 + time) / days * 30.0 + standing
    }
}
