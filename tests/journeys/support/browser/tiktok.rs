//! TikTok's pages, clicked through.

use super::{Browser, Role, starts};

impl Browser {
    /// Signs in to TikTok as this person, by name, on its sign-in page.
    pub async fn sign_in_to_tiktok(&self, name: &str) {
        self.click_button(name).await;
        self.see(Role::Button, "Confirm").await;
    }

    /// Turns the Business Center switch at the top right.
    pub async fn switch_business_center(&self, label: &str) {
        self.choose(starts("Business Center"), label).await;
        self.click_button("Switch").await;
    }
}
