//! Every key of the table, in one place. The table in [`super`] explains what lies under each.

use std::fmt::Display;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use domain::account::Status;
use domain::ids::{ActivationId, AdvertiserId, BusinessCenterId, GrantId, OrgId, UserId};

pub const BY_STATUS: &str = "by_status";
pub const BY_DUE: &str = "by_due";
pub const BY_GRANT: &str = "by_grant";
/// Sort keys of ad accounts begin with this; what follows is the Account ID, so that a prefix of it is a prefix here.
pub const ACCOUNT_PREFIX: &str = "ACCOUNT#";
pub const EVENT_PREFIX: &str = "EVENT#";
/// Sort keys of Business Centers begin with this.
pub const BUSINESS_CENTER_PREFIX: &str = "BC#";
/// The counts: of one organisation by this sort key, of all of them by this partition key.
pub const COUNTS: &str = "COUNTS";
pub const ACTIVATION: &str = "ACTIVATION";
pub const CANDIDATE: &str = "CANDIDATE";
pub const LINE_PREFIX: &str = "LINE#";
pub const LIVE_ACTIVATIONS: &str = "ACTIVATIONS";
/// Rows of the sweep as a whole.
pub const SWEEP: &str = "SWEEP";
pub const GUARD: &str = "GUARD";
pub const BACKOFF: &str = "BACKOFF";
pub const PROGRESS: &str = "PROGRESS";
pub const TALLY: &str = "TALLY";
/// Workers that count at the same moment seldom meet at one of so many rows.
const TALLY_SHARDS: u8 = 8;
/// Organisations whose ad accounts move at the same moment seldom meet at one of so many rows.
const COUNT_SHARDS: u8 = 8;
/// Grants that are due for a check are spread over this many partitions.
pub const DUE_SHARDS: u8 = 64;
/// Activations that somebody has to look at are spread over this many.
pub const PENDING_SHARDS: u8 = 4;
/// Events that wait for the bus are spread over this many.
pub const OUTBOX_SHARDS: u8 = 16;

pub fn org(org_id: &OrgId) -> String {
    format!("ORG#{org_id}")
}

/// The row of the counts of all organisations to which this one adds its own.
pub fn count_shard(org_id: &OrgId) -> String {
    let hash = digest(&SHA256, org_id.as_str().as_bytes());
    (hash.as_ref()[0] % COUNT_SHARDS).to_string()
}

pub fn account(advertiser_id: &AdvertiserId) -> String {
    format!("{ACCOUNT_PREFIX}{advertiser_id}")
}

/// The ad account whose row this is.
pub fn advertiser_id(sk: &str) -> Option<AdvertiserId> {
    sk.strip_prefix(ACCOUNT_PREFIX)?.parse().ok()
}

pub fn org_status(org_id: &OrgId, status: Status) -> String {
    format!("ORG#{org_id}#{}", status.name())
}

pub fn grant(grant_id: &GrantId) -> String {
    format!("GRANT#{grant_id}")
}

/// The grant whose row this is.
pub fn grant_ids(pk: &str, sk: &str) -> Option<(OrgId, GrantId)> {
    Some((pk.strip_prefix("ORG#")?.parse().ok()?, sk.strip_prefix("GRANT#")?.parse().ok()?))
}

/// The ad accounts of one grant, in index `by_grant`.
pub fn accounts_of(org_id: &OrgId, grant_id: &GrantId) -> String {
    format!("ORG#{org_id}#GRANT#{grant_id}")
}

pub fn business_center(id: &BusinessCenterId) -> String {
    format!("{BUSINESS_CENTER_PREFIX}{id}")
}

/// The Business Center whose row this is.
pub fn business_center_id(sk: &str) -> Option<BusinessCenterId> {
    sk.strip_prefix(BUSINESS_CENTER_PREFIX)?.parse().ok()
}

pub fn history(org_id: &OrgId, advertiser_id: &AdvertiserId) -> String {
    format!("ORG#{org_id}#ACCOUNT#{advertiser_id}")
}

/// Zero-padded, so that text order is version order.
pub fn event(version: u64, kind: &str) -> String {
    format!("{EVENT_PREFIX}{version:020}#{kind}")
}

pub fn activation(activation_id: &ActivationId) -> String {
    format!("ACTIVATION#{activation_id}")
}

pub fn line(advertiser_id: &AdvertiserId) -> String {
    format!("{LINE_PREFIX}{advertiser_id}")
}

pub fn user(org_id: &OrgId, user_id: &UserId) -> String {
    format!("ORG#{org_id}#USER#{user_id}")
}

/// The caller's key is hashed: it is free text of theirs and need not lie around.
pub fn idempotency(key: &str) -> String {
    let hash = digest(&SHA256, key.as_bytes());
    hash.as_ref().iter().fold(String::from("IDEMPOTENCY#"), |text, byte| text + &format!("{byte:02x}"))
}

pub fn token(fingerprint: &str) -> String {
    format!("TOKEN#{fingerprint}")
}

pub fn token_holder(org_id: &OrgId, grant_id: &GrantId) -> String {
    format!("ORG#{org_id}#GRANT#{grant_id}")
}

/// The key of the grant that holds a token string, from its holder's row.
pub fn held_by(holder: &str) -> Option<(String, String)> {
    let (org, grant_id) = holder.split_once("#GRANT#")?;
    Some((org.to_owned(), format!("GRANT#{grant_id}")))
}

/// The grant's shard follows from its id, so that a grant stays in its shard.
pub fn due_shard(grant_id: &GrantId) -> String {
    let hash = digest(&SHA256, grant_id.as_str().as_bytes());
    due_partition(hash.as_ref()[0] % DUE_SHARDS)
}

pub fn due_partition(shard: u8) -> String {
    format!("DUE#{shard:02}")
}

pub fn tally_shard(grant_id: &GrantId) -> u8 {
    let hash = digest(&SHA256, grant_id.as_str().as_bytes());
    hash.as_ref()[1] % TALLY_SHARDS
}

/// Zero-padded, so that text order is time order.
pub fn tally(bucket: i64, shard: u8) -> String {
    format!("{bucket:010}#{shard}")
}

/// The bucket in the key of a row of the tally.
pub fn tally_bucket(sk: &str) -> Option<i64> {
    sk.split_once('#')?.0.parse().ok()
}

/// What one run came to, counted by as many rows as the tally.
pub fn run(run: &str, shard: u8) -> String {
    format!("RUN#{run}#{shard}")
}

/// Events that the bus has not got yet wait in the same index as due grants, in partitions of their own.
pub fn outbox_shard(event_id: &str) -> String {
    let hash = digest(&SHA256, event_id.as_bytes());
    outbox_partition(hash.as_ref()[0] % OUTBOX_SHARDS)
}

pub fn outbox_at(at: Timestamp, event_id: &str) -> String {
    format!("{at}#{event_id}")
}

pub fn outbox_partition(shard: u8) -> String {
    format!("OUTBOX#{shard:02}")
}

/// Activations that nobody may come back for wait in that index too.
pub fn pending_shard(activation_id: &ActivationId) -> String {
    let hash = digest(&SHA256, activation_id.as_str().as_bytes());
    pending_partition(hash.as_ref()[0] % PENDING_SHARDS)
}

pub fn pending_partition(shard: u8) -> String {
    format!("PENDING#{shard}")
}

pub fn pending_at(at: Timestamp, activation_id: &ActivationId) -> String {
    format!("{at}#{activation_id}")
}

/// Comes behind everything that is due by then, and before everything that is due later: the dollar follows the hash.
pub fn due_behind(until: Timestamp) -> String {
    format!("{until}$")
}

/// `at` is a time, or one as a key has it.
pub fn due_at(at: impl Display, org_id: &OrgId, grant_id: &GrantId) -> String {
    format!("{at}#{org_id}#{grant_id}")
}

/// The time at which something is due, as its key has it, and what it is.
pub fn due_parts(due_sk: &str) -> (&str, &str) {
    due_sk.split_once('#').unwrap_or((due_sk, ""))
}
