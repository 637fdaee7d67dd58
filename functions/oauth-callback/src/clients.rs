//! What this function needs from outside: what finishing an activation needs, and the web keyring. Made once per process.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::finishing::Finisher;
use shared::runtime::StartError;
use shared::secrets::WebKeys;
use shared::tls::ExtraRoots;
use url::Url;

pub struct Clients {
    pub finisher: Finisher,
    pub web: WebKeys,
    pub app_url: Url,
    pub ticket_ttl: SignedDuration,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let roots = ExtraRoots::load(env.ca_bundle().as_deref())?;
        let aws = Aws::new(AwsSettings::from_env(env)?, &roots);
        let secrets = Arc::new(aws.secrets_manager());
        Ok(Self {
            finisher: Finisher::new(env, &aws, &roots, secrets.clone())?,
            web: WebKeys::new(secrets, env.web_keyring_secret_id()?),
            app_url: env.web()?.app_url,
            ticket_ttl: env.ticket_ttl()?,
        })
    }

    pub fn now(&self) -> Timestamp {
        self.finisher.now()
    }
}
