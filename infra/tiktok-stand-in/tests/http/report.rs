//! The report that proves the Reporting permission.

use serde_json::json;

use crate::support::{DANS, EU, Town};

fn query(id: &str) -> Vec<(&str, &str)> {
    vec![
        ("report_type", "BASIC"),
        ("service_type", "AUCTION"),
        ("data_level", "AUCTION_ADVERTISER"),
        ("dimensions", r#"["advertiser_id","stat_time_day"]"#),
        ("metrics", r#"["spend","impressions"]"#),
        ("advertiser_id", id),
        ("start_date", "2026-11-20"),
        ("end_date", "2026-11-22"),
        ("page_size", "1"),
    ]
}

#[tokio::test]
async fn an_account_without_spend_has_an_empty_report() {
    let town = Town::new().await;
    let answer = town.get(&town.ana(), "/report/integrated/get/", &query(EU)).await;
    assert_eq!((&answer["code"], &answer["data"]["list"]), (&json!(0), &json!([])));
    assert_eq!(answer["data"]["page_info"]["total_number"], 0);
}

#[tokio::test]
async fn metrics_are_texts_by_day() {
    let town = Town::new().await;
    town.tiktok.handle().world().set_daily_spend(EU, Some(12.5)).unwrap();
    let answer = town.get(&town.ana(), "/report/integrated/get/", &query(EU)).await;
    assert_eq!(
        answer["data"]["list"],
        json!([{ "dimensions": { "advertiser_id": EU, "stat_time_day": "2026-11-20 00:00:00" },
                 "metrics": { "spend": "12.50", "impressions": "2500" } }])
    );
    assert_eq!(answer["data"]["page_info"]["total_number"], 3);
}

#[tokio::test]
async fn a_foreign_account_a_missing_scope_and_bad_dates_are_told_apart() {
    let town = Town::new().await;
    let answer = town.get(&town.ana(), "/report/integrated/get/", &query(DANS)).await;
    assert_eq!(answer["message"], format!("No permission to operate advertiser: {DANS}"));
    let answer = town.get(&town.token("ana", &[1]), "/report/integrated/get/", &query(EU)).await;
    assert_eq!(answer["code"], 40001);
    assert!(answer["message"].as_str().unwrap().contains("'/report/integrated/get/(method=GET)'"));
    let mut campaigns = query(EU);
    campaigns[2] = ("data_level", "AUCTION_CAMPAIGN");
    for query in [&query(EU), &campaigns] {
        let code = async |scope| town.code(&town.token("ana", &[scope]), "/report/integrated/get/", query).await;
        assert_eq!((code(44).await, code(4).await, code(40).await, code(41).await), (0, 0, 40001, 40001));
    }
    let mut as_python_writes_it = query(EU);
    as_python_writes_it.push(("query_lifetime", "True"));
    assert_ne!(town.code(&town.ana(), "/report/integrated/get/", &as_python_writes_it).await, 40001);
    for (at, bad) in [
        (0, ("report_type", "NONSENSE")),
        (2, ("data_level", "")),
        (3, ("dimensions", "advertiser_id")),
        (5, ("advertiser_id", "")),
        (6, ("start_date", "2026-11-23")),
        (6, ("start_date", "2026-09-01")),
        (7, ("end_date", "22.11.2026")),
        (8, ("page_size", "1001")),
    ] {
        let mut query = query(EU);
        query[at] = bad;
        assert_eq!(town.code(&town.ana(), "/report/integrated/get/", &query).await, 40002, "{bad:?}");
    }
}
