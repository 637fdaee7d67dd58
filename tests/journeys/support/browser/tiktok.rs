//! TikTok's pages, clicked through.

use super::{Browser, Role, starts};

impl Browser {
    /// Signs in to TikTok as this person, by name, on its sign-in page.
    pub async fn sign_in_to_tiktok(&self, name: &str) {
        self.click_button(format!("Continue as {name}")).await;
        self.see(Role::Button, "Confirm").await;
    }

    /// Turns the Business Center switch at the top right.
    pub async fn switch_business_center(&self, label: &str) {
        self.choose(starts("Business Center"), label).await;
    }

    /// Lets somebody else have the browser, at TikTok.
    pub async fn switch_login(&self, name: &str) {
        self.click_button("Switch login").await;
        self.sign_in_to_tiktok(name).await;
    }

    pub async fn arrive_at_tiktok(&self) {
        let tiktok = self.world.local.tiktok.url();
        self.arrive("TikTok", |url| url.as_str().starts_with(&tiktok)).await;
    }

    /// Confirms what is shown; TikTok sends the browser back to the app.
    pub async fn confirm(&self) {
        self.click_button("Confirm").await;
        self.arrive_in_the_app().await;
    }
}
