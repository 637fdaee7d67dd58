//! The rules of Reconnect: no IO, no async, no AWS, no HTTP. Evidence goes in, a verdict comes out.
//!
//! Start with [`account`] (what is connected or not), [`grant`] (what connects it), [`checks`] (what we ask),
//! [`examine`] (what the answers mean), [`diagnosis`] (what they say together), [`causes`] (what we tell people) and
//! [`activation`] (one attempt to reconnect) and [`transition`] (how an account moves, and the event that tells of it). The
//! sweep's rules are [`grant_check`] (what follows from one check), [`strike`] (nothing lapses at first sight), [`guard`] (nothing
//! lapses while too much does) and [`spread`] (when what is checked next).

pub mod access;
pub mod account;
pub mod activation;
pub mod backoff;
pub mod business_center;
pub mod causes;
pub mod checklist;
pub mod checks;
pub mod diagnosis;
pub mod events;
pub mod examine;
pub mod gap;
pub mod grant;
pub mod grant_check;
pub mod grant_evidence;
pub mod guard;
pub mod ids;
pub mod preflight;
pub mod scopes;
pub mod spread;
pub mod strike;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time_zone;
pub mod transition;
pub mod validation;
