//! What checks need from outside. Made once per process.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::finishing::Finisher;
use shared::runtime::StartError;
use shared::store::Table;
use shared::tiktok::{Pace, TikTok};
use shared::tls::ExtraRoots;

pub struct Clients {
    /// For activations, which somebody may be waiting for; the rest uses its table and its secrets.
    pub finisher: Finisher,
    pub check_interval: SignedDuration,
    pub strike_spacing: SignedDuration,
    /// Days that TikTok may have corrected since, fetched again with a gap.
    pub late_settling_days: u8,
    /// TikTok's limit for our app, and among how many checks the sweep's part of it is shared.
    pub qps: u32,
    pub at_once: u32,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let roots = ExtraRoots::load(env.ca_bundle().as_deref())?;
        let aws = Aws::new(AwsSettings::from_env(env)?, &roots);
        let secrets = Arc::new(aws.secrets_manager());
        Ok(Self {
            finisher: Finisher::new(env, &aws, &roots, secrets)?,
            check_interval: env.check_interval()?,
            strike_spacing: env.strike_spacing()?,
            late_settling_days: env.late_settling_days()?,
            qps: env.tiktok_qps()?,
            at_once: env.checks_at_once()?,
        })
    }

    pub fn table(&self) -> &Table {
        &self.finisher.table
    }

    pub fn now(&self) -> Timestamp {
        self.finisher.now()
    }

    /// TikTok at the sweep's pace. Nothing is asked twice here: what is not answered is due again soon.
    pub fn sweeping(&self, pace: Pace) -> TikTok {
        self.finisher.tiktok.clone().paced(pace).without_retries()
    }
}
