//! Names in any script, long ones, and such as look like code: they are shown as they are, and nothing gets too wide.

use crate::support::browser::{Browser, Look, Role, starts};
use crate::support::*;

const NAMES: [&str; 10] = [
    "متجر الشمال للأزياء والإكسسوارات في الشرق الأوسط",
    "חנות הצפון — אופנה ואביזרים",
    "北风时尚旗舰店（上海静安区南京西路）",
    "ノースウィンド・ファッション東京本店",
    "노스윈드 패션 서울 강남 플래그십 스토어",
    "ร้านแฟชั่นนอร์ทวินด์สาขากรุงเทพมหานคร",
    "Northwind नॉर्थविंड فروشگاه שלום 🛍️👩🏽 mixed",
    "DonaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftswerbekontofürsämtlicheSondermärkte",
    "<img src=x onerror=alert(1)> & \"quotes\" </script>",
    "O'Shop ﷽ Z̷̡̛a̶̧l̸̨g̵̢o̴",
];

fn accounts() -> Vec<Account> {
    (11..).zip(NAMES).map(|(number, name)| Account { name: name.to_owned(), ..Account::new(number) }).collect()
}

async fn fits_wide_and_narrow(browser: &Browser, state: &str) {
    for look in [Look::WIDE, Look::NARROW] {
        browser.show(look).await;
        for direction in ["ltr", "rtl"] {
            browser.execute("document.documentElement.dir = arguments[0]", json!([direction])).await;
            browser.fits(&format!("{state}, {direction}, {}", look.name())).await;
        }
    }
    browser.is_accessible(&format!("{state}, rtl, narrow")).await;
    browser.execute("document.documentElement.dir = 'ltr'", json!([])).await;
    browser.show(Look::WIDE).await;
}

#[tokio::test]
async fn names_in_any_script_fit_everywhere() {
    let Some(browser) = Browser::start().await else { return };
    let accounts = accounts();
    for account in &accounts {
        browser.world.at_tiktok(account);
    }
    browser.world.import(&accounts.iter().collect::<Vec<_>>(), None).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&accounts.iter().collect::<Vec<_>>()).await;
    let mut shown = browser.texts("tr[data-account] .name").await;
    let mut expected: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected, "each as it is");
    fits_wide_and_narrow(&browser, "list").await;

    let arabic = &accounts[0];
    browser.fill(Role::SearchBox, "Search by Account ID", "الشمال").await;
    browser.lists(&[arabic]).await;
    browser.open_details(arabic).await;
    fits_wide_and_narrow(&browser, "details").await;
    browser.click_button("Close").await;
    browser.begin(arabic).await;
    let others = starts("Also reconnect the 9 other lapsed ad accounts");
    browser.click(Role::Checkbox, others).await;
    fits_wide_and_narrow(&browser, "activate").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    fits_wide_and_narrow(&browser, "consent").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    fits_wide_and_narrow(&browser, "receipt").await;
    let lines = browser.texts("#receipt li[data-account] strong bdi").await;
    assert_eq!(lines.len(), NAMES.len());
    assert!(lines.iter().all(|line| NAMES.contains(&line.as_str())), "{lines:?}");
    browser.finish().await;
}

/// Nothing in a name becomes a part of the page.
#[tokio::test]
async fn a_name_that_looks_like_code_is_a_name() {
    let Some(browser) = Browser::start().await else { return };
    let account = Account { name: NAMES[8].to_owned(), ..Account::new(11) };
    browser.world.at_tiktok(&account);
    browser.world.import(&[&account], None).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    browser.fill(Role::SearchBox, "Search by Account ID", "<img").await;
    browser.lists(&[&account]).await;
    browser.begin(&account).await;
    assert_eq!(browser.texts("#activate-title bdi").await, [account.name.as_str()]);
    browser.click_button("Cancel").await;
    browser.fill(Role::SearchBox, "Search by Account ID", "<b>nowhere</b>").await;
    browser.read(".empty", "matches “<b>nowhere</b>”").await;
    assert_eq!(
        browser.execute("return document.querySelectorAll('img, #app b, #app script').length", json!([])).await,
        0
    );
    browser.finish().await;
}
