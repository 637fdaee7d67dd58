//! A standard queue: messages, who has received them, and when they show again.
//!
//! A received message is *in flight*: hidden until its visibility timeout is over, then deliverable again unless it was
//! deleted in time. What comes to be received a sixth time goes to the dead-letter queue instead. Order is not promised
//! on AWS, nor that a message comes once; [`Queue::copies`] and [`Queue::newest_first`] make both happen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::clock;
use crate::ids;

/// How often a message may be received before it is given up.
pub const MAX_RECEIVE_COUNT: u32 = 5;

/// One message, as it is received.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub sent: Timestamp,
    /// What deletes it; another one with each receipt.
    pub receipt_handle: String,
    pub receive_count: u32,
    pub first_received: Option<Timestamp>,
    /// Hidden until then.
    visible: Timestamp,
}

impl Message {
    /// In hex, as SQS gives it.
    pub fn md5_of_body(&self) -> String {
        md5_of(&self.body)
    }

    fn is_in_flight(&self, now: Timestamp) -> bool {
        self.receive_count > 0 && self.visible > now
    }

    fn is_delayed(&self, now: Timestamp) -> bool {
        self.receive_count == 0 && self.visible > now
    }
}

pub fn md5_of(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub visible: usize,
    pub in_flight: usize,
    pub delayed: usize,
}

#[derive(Debug)]
struct State {
    /// In the order in which they came.
    messages: Vec<Message>,
    sent: Vec<String>,
    visibility_timeout: Duration,
    copies: usize,
    newest_first: bool,
}

/// One queue. Clones share it.
#[derive(Clone, Debug)]
pub struct Queue {
    name: &'static str,
    dead: Option<Box<Queue>>,
    state: Arc<Mutex<State>>,
}

impl Queue {
    pub(super) fn new(name: &'static str, visibility_timeout: Duration, dead: Option<Self>) -> Self {
        let state =
            State { messages: Vec::new(), sent: Vec::new(), visibility_timeout, copies: 1, newest_first: false };
        Self { name, dead: dead.map(Box::new), state: Arc::new(Mutex::new(state)) }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{}", self.name)
    }

    pub(super) fn dead(&self) -> Option<&Self> {
        self.dead.as_deref()
    }

    /// Puts a message in; it shows after `delay`. Returns its id.
    pub fn send(&self, body: &str, delay: Duration) -> String {
        let now = clock::now();
        let message = Message {
            id: ids::uuid(),
            body: body.to_owned(),
            sent: now,
            receipt_handle: String::new(),
            receive_count: 0,
            first_received: None,
            visible: later(now, delay),
        };
        let id = message.id.clone();
        let mut state = self.lock();
        state.sent.push(message.body.clone());
        let copies = state.copies;
        state.messages.extend(std::iter::repeat_n(message, copies));
        id
    }

    /// Receives up to `most` messages, hidden from now on for `timeout` or else the queue's own visibility timeout.
    pub fn receive(&self, most: usize, timeout: Option<Duration>) -> Vec<Message> {
        let now = clock::now();
        let mut state = self.lock();
        self.give_up_the_exhausted(&mut state, now);
        let until = later(now, timeout.unwrap_or(state.visibility_timeout));
        let newest_first = state.newest_first;
        let mut deliverable: Vec<&mut Message> =
            state.messages.iter_mut().filter(|message| message.visible <= now).collect();
        if newest_first {
            deliverable.reverse();
        }
        let received = deliverable.into_iter().take(most).map(|message| {
            message.receive_count += 1;
            message.first_received.get_or_insert(now);
            message.receipt_handle = ids::key();
            message.visible = until;
            message.clone()
        });
        received.collect()
    }

    fn give_up_the_exhausted(&self, state: &mut State, now: Timestamp) {
        let Some(dead) = &self.dead else { return };
        let exhausted = |message: &mut Message| message.visible <= now && message.receive_count >= MAX_RECEIVE_COUNT;
        let given_up: Vec<Message> = state.messages.extract_if(.., exhausted).collect();
        dead.lock().messages.extend(given_up.into_iter().map(|message| Message { receive_count: 0, ..message }));
    }

    /// Deletes a received message; `false` when this receipt handle is not, or no longer, any message's.
    pub fn delete(&self, receipt_handle: &str) -> bool {
        let mut state = self.lock();
        let before = state.messages.len();
        state.messages.retain(|message| message.receive_count == 0 || message.receipt_handle != receipt_handle);
        state.messages.len() < before
    }

    /// Hides a message in flight for this time from now on; `false` when it is not in flight.
    pub fn hide(&self, receipt_handle: &str, timeout: Duration) -> bool {
        let now = clock::now();
        let mut state = self.lock();
        let in_flight = state.messages.iter_mut().filter(|message| message.is_in_flight(now));
        match in_flight.into_iter().find(|message| message.receipt_handle == receipt_handle) {
            Some(message) => {
                message.visible = later(now, timeout);
                true
            }
            None => false,
        }
    }

    pub fn purge(&self) {
        self.lock().messages.clear();
    }

    pub fn depth(&self) -> Depth {
        let now = clock::now();
        let state = self.lock();
        let count = |which: fn(&Message, Timestamp) -> bool| {
            state.messages.iter().filter(|message| which(message, now)).count()
        };
        let (in_flight, delayed) = (count(Message::is_in_flight), count(Message::is_delayed));
        Depth { visible: state.messages.len() - in_flight - delayed, in_flight, delayed }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().messages.is_empty()
    }

    /// The bodies that lie in the queue now, hidden ones too.
    pub fn bodies(&self) -> Vec<String> {
        self.lock().messages.iter().map(|message| message.body.clone()).collect()
    }

    /// The bodies of all messages that were ever sent, oldest first.
    pub fn sent(&self) -> Vec<String> {
        self.lock().sent.clone()
    }

    pub fn visibility_timeout(&self) -> Duration {
        self.lock().visibility_timeout
    }

    /// For messages received from now on.
    pub fn set_visibility_timeout(&self, timeout: Duration) {
        self.lock().visibility_timeout = timeout;
    }

    /// Acts as if the visibility timeout of every message in flight were over. Returns how many there were.
    pub fn let_timeouts_pass(&self) -> usize {
        self.show(Message::is_in_flight)
    }

    /// Acts as if the time had come for every message that was sent with a delay. Returns how many there were.
    pub fn let_delays_pass(&self) -> usize {
        self.show(Message::is_delayed)
    }

    fn show(&self, which: fn(&Message, Timestamp) -> bool) -> usize {
        let now = clock::now();
        let mut state = self.lock();
        let shown = state.messages.iter_mut().filter(|message| which(message, now));
        shown.map(|message| message.visible = now).count()
    }

    /// Each message sent from now on comes so many times. 1 is usual.
    pub fn copies(&self, copies: usize) {
        self.lock().copies = copies;
    }

    /// Delivers what was sent last first.
    pub fn newest_first(&self, newest_first: bool) {
        self.lock().newest_first = newest_first;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
