//! Somebody who is back from TikTok and about to finish: where races, crashes and outages begin.

use jiff::SignedDuration;

use crate::support::*;

/// An activation whose person has consented and holds the ticket.
#[derive(Clone, Debug)]
pub struct Flow {
    pub account: Account,
    pub person: Person,
    pub activation_id: String,
    pub ticket: String,
}

impl TestWorld {
    /// Activate (renewing an Active account), consent, callback.
    pub async fn flow(&self, account: &Account, person: Person, consent: Consent) -> Flow {
        let started = self.as_(&person).activate(account, json!({ "force": true })).await;
        started.expect(201);
        let activation_id = started.text("activation_id").to_owned();
        let ticket = self.walk_consent(started.text("authorization_url"), consent).await.ticket();
        Flow { account: account.clone(), person, activation_id, ticket }
    }

    /// A flow of `ANA` for a new account that was never connected; its consent is given by `login`.
    pub async fn first_flow(&self, number: u32, login: &str) -> Flow {
        let account = self.unconnected(number).await;
        // All accounts are left ticked: the same login's next consent replaces this one.
        let consent = Consent::by(login).in_business_center(account.center);
        self.flow(&account, ANA, consent).await
    }

    pub async fn complete(&self, flow: &Flow) -> Answer {
        self.as_(&flow.person).complete(&flow.ticket).await
    }

    /// Repeats the completion, as the app does, with a minute between two tries, until there is a receipt.
    pub async fn complete_until_final(&self, flow: &Flow) -> Answer {
        let mut answer = self.complete(flow).await;
        for _ in 0..5 {
            if answer.status == 200 {
                return answer;
            }
            assert!([202, 503].contains(&answer.status), "{answer:?}");
            self.minute_later(flow);
            answer = self.complete(flow).await;
        }
        panic!("I7: no end: {answer:?}");
    }

    pub fn activation_row(&self, flow: &Flow) -> Value {
        self.row(&format!("ACTIVATION#{}", flow.activation_id), "ACTIVATION").expect("the activation is there")
    }

    /// `waiting`, `exchanging`, `verifying` or `closed`.
    pub fn state_of(&self, flow: &Flow) -> String {
        self.activation_row(flow)["state"].as_str().expect("a state").to_owned()
    }

    /// Lets a minute pass for the activation: what somebody had taken up and not finished may be taken up again.
    pub fn minute_later(&self, flow: &Flow) {
        let past = (local::clock::now() - SignedDuration::from_secs(61)).to_string();
        let attribute = match self.state_of(flow).as_str() {
            "exchanging" => "claimed_at",
            "verifying" => "leased_until",
            _ => return,
        };
        self.set_text(&format!("ACTIVATION#{}", flow.activation_id), "ACTIVATION", attribute, &past);
    }

    /// Fingerprints, as grants have them, of all tokens that TikTok ever gave out.
    pub fn known_fingerprints(&self) -> Vec<String> {
        let snapshot: Value = serde_json::from_str(&self.tiktok().snapshot()).expect("a snapshot is JSON");
        let tokens = snapshot["grants"].as_object().into_iter().flatten().map(|(token, _)| token.clone());
        tokens.map(|token| shared::sealing::AccessToken::try_from(token).expect("a token").fingerprint()).collect()
    }
}
