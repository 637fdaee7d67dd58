//! Pages, searches, filters, reach, counts, details and history, each within its budget of calls.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::access::{Belonging, Reach};
use domain::account::{AdAccount, Status};
use domain::causes::CauseCode;
use domain::events::EventKind;
use domain::ids::{AdvertiserId, Label};
use domain::transition::{self, Transition};
use shared::store::Table;
use shared::store::counts::Counts;
use shared::store::list_accounts::{Search, Wanted};

use crate::world::{World, advertiser_id, an_account, flipped, lapsed, now, org};

fn everything(limit: usize) -> Wanted {
    Wanted {
        org_id: org(),
        reach: Reach::default(),
        status: None,
        search: None,
        brand: None,
        market: None,
        partner: None,
        limit,
        after: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "wherever it goes, a label may be missing")]
fn label(text: &str) -> Option<Label> {
    Some(text.parse().unwrap())
}

/// All pages of a list, in the order they came.
async fn walk(table: &Table, mut wanted: Wanted) -> Vec<Vec<AdvertiserId>> {
    let mut pages = Vec::new();
    loop {
        let page = table.page(&wanted).await.unwrap();
        pages.push(page.rows.into_iter().map(|row| row.advertiser_id).collect());
        match page.next {
            None => return pages,
            next => wanted.after = next,
        }
    }
}

/// Accounts in every combination of status, brand, market and partner, each also without one.
fn a_mixture() -> Vec<AdAccount> {
    let labels = |texts: [&str; 2]| [None, label(texts[0]), label(texts[1])];
    let mut accounts = Vec::new();
    for brand in labels(["shop", "outlet"]) {
        for market in labels(["de", "fr"]) {
            for partner in labels(["agency-1", "agency-2"]) {
                for standing in [lapsed(), crate::world::active()] {
                    let belonging =
                        Belonging { brand: brand.clone(), market: market.clone(), partner: partner.clone() };
                    accounts.push(AdAccount { belonging, standing, ..an_account(accounts.len()) });
                }
            }
        }
    }
    accounts
}

#[tokio::test]
async fn pages_are_full_and_the_last_one_knows_that_it_is() {
    let world = World::start().await;
    world.with(&(0..12).map(an_account).collect::<Vec<_>>()).await;
    for limit in 1..=13 {
        for status in [None, Some(Status::Active)] {
            let pages = walk(&world.table, Wanted { status, ..everything(limit) }).await;
            assert_eq!(pages.len(), 12_usize.div_ceil(limit), "{limit} {status:?}");
            assert_eq!(pages.concat(), (0..12).map(advertiser_id).collect::<Vec<_>>(), "{limit} {status:?}");
        }
    }
    assert_eq!(walk(&world.table, Wanted { status: Some(Status::NeedsConnecting), ..everything(5) }).await, [[]]);
}

/// Whatever changes status between two pages: an account that stayed in the tab is met exactly once, and none twice.
#[tokio::test]
async fn a_walk_is_exact_while_statuses_change() {
    let world = World::start().await;
    let mut accounts: Vec<_> = (0..90).map(|number| AdAccount { standing: lapsed(), ..an_account(number) }).collect();
    world.with(&accounts).await;
    let mut moved = BTreeSet::new();
    let mut met: BTreeMap<AdvertiserId, usize> = BTreeMap::new();
    let mut wanted = Wanted { status: Some(Status::NeedsConnecting), ..everything(7) };
    for round in 0.. {
        let page = world.table.page(&wanted).await.unwrap();
        for row in page.rows {
            assert_eq!(row.status, Status::NeedsConnecting);
            *met.entry(row.advertiser_id).or_default() += 1;
        }
        let Some(next) = page.next else { break };
        // The very account at which the walk goes on, and a few anywhere, some of them there and back again.
        let at = accounts.iter().position(|account| account.advertiser_id == next).unwrap();
        for number in [at, (round * 31) % 90, (round * 17 + 5) % 90] {
            accounts[number] = world.change(&accounts[number], |account| account.standing = flipped(account)).await;
            moved.insert(accounts[number].advertiser_id.clone());
        }
        wanted.after = Some(next);
    }
    for account in &accounts {
        let times = met.get(&account.advertiser_id).copied().unwrap_or_default();
        assert!(times <= 1, "{} was there {times} times", account.advertiser_id);
        assert!(times == 1 || moved.contains(&account.advertiser_id), "{} was passed over", account.advertiser_id);
    }
    assert!(met.len() > 60, "the walk met too little to tell anything");
}

/// T37: reach, filters and tabs together give exactly what the rules of the domain give, and the counts agree.
#[tokio::test]
async fn reach_and_filters_let_through_what_they_should() {
    let world = World::start().await;
    let accounts = a_mixture();
    world.with(&accounts).await;
    let claims =
        ["", "brand:shop", "market:de market:fr", "brand:outlet market:de", "partner:agency-2 brand:none", "market:it"];
    let reaches = claims.map(|claim| Reach::parse(claim).unwrap());
    for reach in reaches.into_iter().chain([Reach::default()]) {
        for (brand, market) in
            [(None, None), (label("shop"), None), (label("outlet"), label("fr")), (label("none"), None)]
        {
            for status in [None, Some(Status::Active), Some(Status::NeedsConnecting)] {
                let wanted = Wanted {
                    reach: reach.clone(),
                    brand: brand.clone(),
                    market: market.clone(),
                    status,
                    ..everything(2)
                };
                let expected: Vec<_> = accounts
                    .iter()
                    .filter(|account| reach.contains(&account.belonging))
                    .filter(|account| brand.is_none() || account.belonging.brand == brand)
                    .filter(|account| market.is_none() || account.belonging.market == market)
                    .filter(|account| status.is_none_or(|status| account.status() == status))
                    .map(|account| account.advertiser_id.clone())
                    .collect();
                assert_eq!(
                    walk(&world.table, wanted).await.concat(),
                    expected,
                    "{reach:?} {brand:?} {market:?} {status:?}"
                );
            }
        }
        let count = |status| {
            let of_status = |account: &&AdAccount| account.status() == status && reach.contains(&account.belonging);
            accounts.iter().filter(of_status).count() as u64
        };
        let expected = Counts { active: count(Status::Active), needs_connecting: count(Status::NeedsConnecting) };
        assert_eq!(world.table.counts(&org(), &reach).await.unwrap(), expected, "{reach:?}");
    }
}

#[tokio::test]
async fn a_partner_filter_narrows_the_list() {
    let world = World::start().await;
    world.with(&a_mixture()).await;
    let page = world.table.page(&Wanted { partner: label("agency-1"), ..everything(100) }).await.unwrap();
    assert_eq!(page.rows.len(), 18);
    assert!(page.rows.iter().all(|row| row.partner == label("agency-1")));
}

/// DynamoDB takes 100 values for one IN.
#[tokio::test]
async fn a_reach_of_many_labels_works() {
    let world = World::start().await;
    let brand = |number: usize| label(&format!("brand-{number}"));
    let of_brand = |number| AdAccount {
        belonging: Belonging { brand: brand(number), ..Belonging::default() },
        ..an_account(number)
    };
    world.with(&(0..300).map(of_brand).collect::<Vec<_>>()).await;
    let claim: Vec<_> = (0..250).map(|number| format!("brand:brand-{number}")).collect();
    let wanted = Wanted { reach: Reach::parse(&claim.join(" ")).unwrap(), ..everything(100) };
    let found = walk(&world.table, wanted).await.concat();
    assert_eq!(found, (0..250).map(advertiser_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_finds_ids_by_their_beginning_and_names_by_any_part() {
    let world = World::start().await;
    let named = |number, name: &str| AdAccount { name: name.to_owned(), ..an_account(number) };
    world
        .with(&[
            named(1, "Shop ÉTÉ"),
            named(2, "Workshop 7100"),
            named(3, "Outlet"),
            named(14, "Été indien"),
            an_account(2_000),
        ])
        .await;
    let search = async |text: &str| {
        let mut found = Vec::new();
        for status in [None, Some(Status::Active)] {
            let wanted = Wanted { search: Some(Search::of(text)), status, ..everything(2) };
            found.push(walk(&world.table, wanted).await.concat());
        }
        assert_eq!(found[0], found[1], "{text}: both lists agree");
        found.remove(0)
    };
    let ids = |numbers: &[usize]| numbers.iter().copied().map(advertiser_id).collect::<Vec<_>>();
    assert_eq!(search("7100000000000000014").await, ids(&[14]));
    assert_eq!(search("710000000000000000").await, ids(&[1, 2, 3]));
    assert_eq!(search("7100").await, ids(&[1, 2, 3, 14, 2_000]), "digits are never looked for in names");
    assert_eq!(search("100").await, ids(&[]), "and only from the beginning");
    assert_eq!(search(&"7".repeat(100)).await, ids(&[]));
    assert_eq!(search("sHoP").await, ids(&[1, 2, 2_000]));
    assert_eq!(search("été").await, ids(&[1, 14]));
    assert_eq!(search("shop 7100").await, ids(&[2]));
    assert_eq!(search("_").await, ids(&[]));
}

/// Rows too big for one answer: the search goes on by itself, up to ten queries, and the cursor carries on from there.
#[tokio::test]
async fn a_search_by_name_reads_on_but_not_for_ever() {
    let world = World::start().await;
    world.with(&(0..46).map(an_account).collect::<Vec<_>>()).await;
    for number in 0..46 {
        let filler = AttributeValue::S("x".repeat(370_000));
        let key = |name: &str| AttributeValue::S(name.to_owned());
        let update =
            world.client.update_item().table_name(world.table.name()).update_expression("SET filler = :filler");
        update
            .key("pk", key("ORG#org-a"))
            .key("sk", key(&format!("ACCOUNT#{}", advertiser_id(number))))
            .expression_attribute_values(":filler", filler)
            .send()
            .await
            .unwrap();
    }
    world.calls();
    let wanted = |text: &str| Wanted { search: Some(Search::of(text)), ..everything(50) };

    let early = world.table.page(&wanted("shop 7")).await.unwrap();
    assert_eq!((early.rows.len(), early.next.is_some()), (1, true));
    assert_eq!(world.calls(), ["Query"; 10]);
    let late = world.table.page(&wanted("shop 45")).await.unwrap();
    assert_eq!((late.rows.len(), late.next.is_some()), (0, true), "a page may be empty and not the last");
    assert_eq!(walk(&world.table, wanted("shop 45")).await.concat(), [advertiser_id(45)]);

    world.calls();
    let full = Wanted { limit: 2, ..wanted("shop") };
    assert_eq!(world.table.page(&full).await.unwrap().rows.len(), 2);
    assert_eq!(world.calls(), ["Query"], "a full page is enough");
}

/// T45, I5: the same Account ID in two organisations is two accounts, and neither shows anything of the other.
#[tokio::test]
async fn organisations_do_not_see_each_other() {
    let world = World::start().await;
    let elsewhere = AdAccount { org_id: "org-b".parse().unwrap(), standing: lapsed(), ..an_account(1) };
    world.with(&[an_account(1)]).await;
    world.with(&[elsewhere.clone(), AdAccount { org_id: "org-b".parse().unwrap(), ..an_account(2) }]).await;

    assert_eq!(walk(&world.table, everything(10)).await.concat(), [advertiser_id(1)]);
    let counts = Counts { active: 1, needs_connecting: 0 };
    assert_eq!(world.table.counts(&org(), &Reach::default()).await.unwrap(), counts);
    assert_eq!(world.table.account(&org(), &advertiser_id(2)).await.unwrap(), None);
    assert_eq!(world.table.account(&elsewhere.org_id, &advertiser_id(1)).await.unwrap(), Some(elsewhere));
}

#[tokio::test]
async fn counts_follow_what_accounts_belong_to_and_how_they_stand() {
    let world = World::start().await;
    world.with(&[an_account(1), an_account(2)]).await;
    let counts = async |claim: Option<&str>| {
        let reach = claim.map_or_else(Reach::default, |claim| Reach::parse(claim).unwrap());
        let Counts { active, needs_connecting } = world.table.counts(&org(), &reach).await.unwrap();
        (active, needs_connecting)
    };
    assert_eq!((counts(None).await, counts(Some("brand:shop")).await), ((2, 0), (0, 0)));
    let first = world.change(&an_account(1), |account| account.belonging.brand = label("shop")).await;
    assert_eq!((counts(None).await, counts(Some("brand:shop")).await), ((2, 0), (1, 0)));
    world.change(&first, |account| account.standing = lapsed()).await;
    assert_eq!((counts(None).await, counts(Some("brand:shop")).await), ((1, 1), (0, 1)));
}

#[tokio::test]
async fn history_is_paged_newest_first() {
    let world = World::start().await;
    let mut account = an_account(1);
    world.with(std::slice::from_ref(&account)).await;
    for number in 0..11 {
        let by = (number % 2 == 0).then(|| format!("user {number}"));
        let refusal = transition::refuse(&account, CauseCode::ReportingMissing, by, now());
        account = commit(&world, refusal).await;
    }
    for limit in [1, 3, 11, 50] {
        let mut versions = Vec::new();
        let (mut before, mut pages) = (None, 0);
        loop {
            let page = world.table.history(&account, limit, before.as_ref()).await.unwrap();
            assert!(page.history.iter().all(|happened| happened.kind == EventKind::ReconnectRefused));
            versions.extend(page.history.iter().map(|happened| happened.version));
            assert!(page.history.iter().all(|happened| happened.by.is_some() == (happened.version % 2 == 1)));
            pages += 1;
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(versions, (1..=11).rev().collect::<Vec<_>>());
        assert_eq!(pages, 11_usize.div_ceil(limit));
    }
    assert!(world.table.history(&an_account(2), 5, None).await.unwrap().history.is_empty());
}

async fn commit(world: &World, transition: Transition) -> AdAccount {
    let mut transaction = world.table.transaction();
    transaction.transition(&transition).unwrap();
    transaction.commit().await.unwrap();
    transition.after
}

/// The budgets: a list is one query and one read, details are two reads, history a read and a query; nobody scans.
#[tokio::test]
async fn every_look_keeps_its_budget() {
    let world = World::start().await;
    let accounts = a_mixture();
    world.with(&accounts).await;

    for status in [None, Some(Status::Active)] {
        for search in [None, Some(Search::of("71000")), Some(Search::of("shop"))] {
            let wanted = Wanted { status, search, market: label("de"), ..everything(3) };
            world.table.page(&wanted).await.unwrap();
            world.table.counts(&org(), &wanted.reach).await.unwrap();
            assert_eq!(world.calls(), ["GetItem", "Query"]);
        }
    }

    let account = world.table.account(&org(), &advertiser_id(3)).await.unwrap().unwrap();
    world.table.behind(&account).await.unwrap();
    assert_eq!(world.calls(), ["BatchGetItem", "GetItem"]);

    world.table.history(&account, 50, None).await.unwrap();
    assert_eq!(world.calls(), ["Query"]);

    let nothing = Wanted { reach: Reach::parse("").unwrap(), ..everything(3) };
    assert!(world.table.page(&nothing).await.unwrap().rows.is_empty());
    assert_eq!(world.calls(), [""; 0], "who reaches nothing needs no query");
}
