//! What this function needs from outside: the table, TikTok, two secrets, the time. Made once per process; a secret is
//! fetched when a request first needs it.

use std::sync::Arc;

use jiff::Timestamp;
use shared::aws::{Aws, AwsSettings};
use shared::clock;
use shared::config::Environment;
use shared::runtime::StartError;
use shared::secrets::{TikTokApp, TokenKeys};
use shared::store::Table;
use shared::tiktok::TikTok;
use shared::tls::{self, ExtraRoots};

pub struct Clients {
    pub table: Table,
    pub tiktok: TikTok,
    pub app: TikTokApp,
    pub tokens: TokenKeys,
    /// Days that TikTok may have corrected since, fetched again with a gap.
    pub late_settling_days: u8,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let roots = ExtraRoots::load(env.ca_bundle().as_deref())?;
        let aws = Aws::new(AwsSettings::from_env(env)?, &roots);
        let secrets = Arc::new(aws.secrets_manager());
        let tiktok = env.tiktok()?;
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            tiktok: TikTok::new(tls::tiktok_client(&roots)?, tiktok.api_base, tiktok.auth_base, clock::now),
            app: TikTokApp::new(secrets.clone(), env.tiktok_app_secret_id()?),
            tokens: TokenKeys::new(secrets, env.token_keyring_secret_id()?),
            late_settling_days: env.late_settling_days()?,
        })
    }

    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}
