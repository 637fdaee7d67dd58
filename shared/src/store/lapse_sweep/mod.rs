//! What the sweep reads and writes: which grants are due, and how far it has got.
//!
//! `SWEEP`/`PROGRESS` keeps, for every shard, the due time up to which grants were sent. A run goes on from there, whoever
//! stopped before it and why. Now and then the marks are taken back, so that a message that was lost is sent again: what
//! is still due is still found.

pub mod counting;
pub mod orders;
pub mod pending;
pub mod review;

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};

use crate::store::expression::Expression;
use crate::store::{Item, StoreError, Table, key, keys, number, text};
use domain::ids::{GrantId, OrgId};

/// How many grants one page holds.
pub const PAGE: i32 = 500;
/// Marks older than this are taken back.
const MARKS_LIVE: SignedDuration = SignedDuration::from_mins(30);
const MARK: &str = "mark#";

/// A grant that is due for a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueGrant {
    pub org_id: OrgId,
    pub grant_id: GrantId,
    /// Since when, as the table writes it: whoever checks the grant moves it, and whoever comes after sees that.
    pub due: String,
}

/// Where a shard goes on: everything before was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

#[derive(Clone, Debug, Default)]
pub struct DuePage {
    pub due: Vec<DueGrant>,
    /// Rows of the index that are no grants of ours to read; there should be none.
    pub unreadable: usize,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Mark>,
    /// Up to where this page went.
    pub mark: Option<Mark>,
}

/// The right to sweep, for as long as the lease runs, and what is sent already.
#[derive(Clone, Debug)]
pub struct Lease {
    pub run: String,
    marks: HashMap<u8, Mark>,
    /// When the marks were set to nothing last.
    marked_since: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

impl Lease {
    pub fn mark(&self, shard: u8) -> Option<&Mark> {
        self.marks.get(&shard)
    }

    /// Whether nothing is sent already: a run from here sees everything that is due.
    pub fn is_from_the_start(&self) -> bool {
        self.marks.is_empty()
    }
}

fn progress_key() -> Item {
    key(keys::SWEEP.to_owned(), keys::PROGRESS.to_owned())
}

impl Table {
    async fn update_progress(&self, update: Expression, condition: &str) -> Result<Option<Item>, StoreError> {
        let written = self
            .update(progress_key(), update)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match written {
            Ok(answer) => Ok(Some(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }
}

impl Table {
    /// Takes the lease; `None` while another run has it. One write, two when the marks are taken back.
    pub async fn lease(&self, run: &str, lasts: SignedDuration, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let take = Expression::new("SET #run = :run, leased_until = :until")
            .name("#run", "run")
            .value(":run", text(run))
            .value(":now", number(now.as_second()))
            .value(":until", number((now + lasts).as_second()));
        let free = "attribute_not_exists(leased_until) OR leased_until <= :now";
        let Some(row) = self.update_progress(take, free).await? else { return Ok(None) };
        let lease = Lease::read(&row, run);
        if lease.marked_since.is_some_and(|since| now < since + MARKS_LIVE) {
            return Ok(Some(lease));
        }
        let mut forget = Expression::new("SET marked_since = :now").name("#run", "run").value(":run", text(run));
        forget = forget.value(":now", text(now.to_string()));
        let marks: Vec<String> = lease.marks.keys().map(|shard| format!("#mark{shard}")).collect();
        if !marks.is_empty() {
            forget.text.push_str(" REMOVE ");
            forget.text.push_str(&marks.join(", "));
            for shard in lease.marks.keys() {
                forget = forget.name(&format!("#mark{shard}"), &format!("{MARK}{shard}"));
            }
        }
        Ok(self.update_progress(forget, "#run = :run").await?.map(|row| Lease::read(&row, run)))
    }

    /// Grants of a shard that are due by `until`, after `from`. One query.
    pub async fn due_grants(&self, shard: u8, until: Timestamp, from: Option<&Mark>) -> Result<DuePage, StoreError> {
        let behind = keys::due_behind(until);
        let due = match from {
            None => Expression::new("due_pk = :shard AND due_sk <= :behind"),
            // An index may be asked for a range only; its first row was sent already.
            Some(Mark(mark)) if *mark <= behind => {
                Expression::new("due_pk = :shard AND due_sk BETWEEN :from AND :behind").value(":from", text(mark))
            }
            Some(_) => return Ok(DuePage::default()),
        };
        let due = due.value(":shard", text(keys::due_partition(shard))).value(":behind", text(behind));
        let answer = self.query(due).index_name(keys::BY_DUE).limit(PAGE).send().await?;
        let is_last = answer.last_evaluated_key.is_none();
        let mut page = DuePage::default();
        for item in answer.items.unwrap_or_default() {
            let due_sk = item.get("due_sk").and_then(|value| value.as_s().ok());
            if let (Some(due_sk), Some(Mark(mark))) = (due_sk, from)
                && due_sk == mark
            {
                continue;
            }
            page.mark = due_sk.map(|due_sk| Mark(due_sk.clone())).or(page.mark);
            match due_grant(&item) {
                Some(due) => page.due.push(due),
                None => page.unreadable += 1,
            }
        }
        page.next = page.mark.clone().filter(|_| !is_last);
        Ok(page)
    }

    /// Everything of the shard up to `mark` was sent. One write; a conflict if the lease went to somebody else.
    pub async fn sent(&self, lease: &Lease, shard: u8, mark: &Mark) -> Result<(), StoreError> {
        let update = Expression::new("SET #mark = :mark")
            .name("#mark", &format!("{MARK}{shard}"))
            .name("#run", "run")
            .value(":mark", text(&mark.0))
            .value(":run", text(&lease.run));
        self.update_progress(update, "#run = :run").await?.map(|_| ()).ok_or(StoreError::Conflict)
    }

    /// All shards are done: the lease ends. One write.
    pub async fn completed(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        let update = Expression::new("SET completed_at = :now REMOVE leased_until")
            .name("#run", "run")
            .value(":now", text(now.to_string()))
            .value(":run", text(&lease.run));
        self.update_progress(update, "#run = :run").await?.map(|_| ()).ok_or(StoreError::Conflict)
    }
}

impl Lease {
    fn read(row: &Item, run: &str) -> Self {
        let plain = |name: &str| row.get(name).and_then(|value| value.as_s().ok());
        let marks = row.iter().filter_map(|(name, value)| {
            let shard = name.strip_prefix(MARK)?.parse().ok()?;
            Some((shard, Mark(value.as_s().ok()?.clone())))
        });
        Self {
            run: run.to_owned(),
            marks: marks.collect(),
            marked_since: plain("marked_since").and_then(|at| at.parse().ok()),
            completed_at: plain("completed_at").and_then(|at| at.parse().ok()),
        }
    }
}

fn due_grant(item: &Item) -> Option<DueGrant> {
    let plain = |name: &str| item.get(name)?.as_s().ok();
    let (org_id, grant_id) = keys::grant_ids(plain("pk")?, plain("sk")?)?;
    Some(DueGrant { org_id, grant_id, due: keys::due_parts(plain("due_sk")?).0.to_owned() })
}
