//! The page *Ad Accounts*, as people use it.

use super::super::{Account, Person, Value, json};
use super::{Browser, Role, starts};

impl Browser {
    /// Opens a path of the page in a tab where nobody is signed in, and signs in.
    pub async fn open_as(&self, person: &Person, path: &str) {
        self.open(path).await;
        self.sign_in(person).await;
    }

    pub async fn sign_in(&self, person: &Person) {
        self.click_button(person.name).await;
        self.see_no_more(Role::Region, "Sign in").await;
    }

    pub async fn arrive_in_the_app(&self) {
        let app = self.world.local.gateway_url();
        self.arrive("the app", |url| url.as_str().starts_with(&app)).await;
    }

    /// The ids in the list, from the top.
    pub async fn rows(&self) -> Vec<String> {
        const IDS: &str = "return [...document.querySelectorAll('tr[data-account]')].map((row) => row.dataset.account)";
        let ids = self.execute(IDS, json!([])).await;
        ids.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Waits until the list has these ad accounts and no others, in any order.
    pub async fn lists(&self, accounts: &[&Account]) {
        let mut expected: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
        expected.sort();
        self.until(&format!("listing {expected:?}"), async || {
            let mut shown = self.rows().await;
            shown.sort();
            if shown == expected { Ok(()) } else { Err(format!("it lists {shown:?}").into()) }
        })
        .await;
    }

    /// Waits until the list has anything.
    pub async fn lists_some(&self) {
        self.read("tr[data-account]", "").await;
    }

    /// Waits until the tabs have these counts: Needs Connecting and Active.
    pub async fn counts(&self, needs_connecting: usize, active: usize) {
        self.see(Role::Tab, starts(&format!("Needs Connecting {needs_connecting}"))).await;
        self.see(Role::Tab, starts(&format!("Active {active}"))).await;
    }

    /// ⋮ and one of its menu.
    pub async fn choose_action(&self, account: &Account, action: &str) {
        self.click_button(format!("Actions for {}", account.name)).await;
        self.click(Role::MenuItem, action).await;
    }

    pub async fn open_details(&self, account: &Account) {
        self.click(Role::Link, format!("{}, details of {}", account.id, account.name)).await;
        self.see(Role::Heading, &account.name).await;
        self.see(Role::Heading, "History").await;
    }

    /// ⋮ Activate, until one may go on to TikTok.
    pub async fn begin(&self, account: &Account) {
        self.choose_action(account, "Activate").await;
        self.see(Role::Button, "Continue to TikTok").await;
    }

    pub async fn continue_to_tiktok(&self) {
        self.click_button("Continue to TikTok").await;
        self.arrive_at_tiktok().await;
    }

    /// From the list to TikTok's consent page, as this person there.
    pub async fn begin_at_tiktok(&self, account: &Account, login: &str) {
        self.begin(account).await;
        self.continue_to_tiktok().await;
        self.sign_in_to_tiktok(login).await;
    }

    /// Waits for the receipt with this title, and gives all its text.
    pub async fn receipt(&self, title: &str) -> String {
        self.until(&format!("the receipt “{title}”"), async || {
            let titles = self.texts("#receipt-title").await;
            if titles == [title] { Ok(()) } else { Err(format!("it says {titles:?}").into()) }
        })
        .await;
        self.texts("#receipt").await.concat()
    }

    /// The receipt's line of one ad account.
    pub async fn line(&self, account: &Account) -> String {
        self.read(&format!("#receipt li[data-account='{}']", account.id), "").await
    }

    /// Waits until this is said to those who do not see it.
    pub async fn hear(&self, text: &str) {
        self.until(&format!("hearing “{text}”"), async || {
            let said = self.said().await;
            if said.iter().any(|said| said.contains(text)) { Ok(()) } else { Err(format!("it says {said:?}").into()) }
        })
        .await;
    }

    /// What was copied last.
    pub async fn clipboard(&self) -> String {
        const PASTE: &str =
            "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))";
        let app = self.world.local.gateway_url();
        let grant = json!({ "origin": app, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.session.devtools("Browser.grantPermissions", grant).await;
        let text = self.session.execute_async(PASTE, json!([])).await.expect("the clipboard can be read");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What lies in the tab's own storage under this name.
    pub async fn kept(&self, name: &str) -> Option<String> {
        let kept = self.execute("return sessionStorage.getItem(arguments[0])", json!([name])).await;
        kept.as_str().map(str::to_owned)
    }
}
