//! `GET /report/integrated/get/`: enough of it to prove that Reporting works.

use jiff::{ToSpan, civil::Date};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, Call, Params, Refusal, advertisers::usable};
use crate::world::World;

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ReportType {
    Basic,
    Audience,
    Bc,
    Catalog,
    PlayableMaterial,
    TtShop,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ServiceType {
    Auction,
    Reservation,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum DataLevel {
    AuctionAdvertiser,
    AuctionCampaign,
    AuctionAdgroup,
    AuctionAd,
    ReservationAdvertiser,
    ReservationCampaign,
    ReservationAdgroup,
    ReservationAd,
}

pub(super) fn integrated(world: &mut World, call: &Call<'_>) -> Answer {
    let params = call.params;
    let kind: ReportType = params.word("report_type")?.ok_or_else(|| params.missing("report_type"))?;
    let _: Option<ServiceType> = params.word("service_type")?;
    let level: Option<DataLevel> = params.word("data_level")?;
    if kind == ReportType::Basic && level.is_none() {
        return Err(params.missing("data_level"));
    }
    let dimensions: Vec<String> = params.json("dimensions")?.ok_or_else(|| params.missing("dimensions"))?;
    let metrics: Vec<String> =
        params.json("metrics")?.unwrap_or_else(|| vec!["spend".to_owned(), "impressions".to_owned()]);
    let paging = params.paging(1000)?;
    let accounts = match (params.id("advertiser_id")?, params.ids("advertiser_ids")?) {
        (Some(id), None) => vec![id],
        (None, Some(ids)) if !ids.is_empty() => ids,
        (Some(_), Some(_)) => return Err(params.refuse("advertiser_id and advertiser_ids exclude each other.")),
        _ => return Err(params.missing("advertiser_id")),
    };
    let by_day = dimensions.iter().any(|dimension| dimension == "stat_time_day");
    let days = days(params, by_day)?;
    let mut rows = Vec::new();
    for id in &accounts {
        let account = usable(world, call, id)?;
        if let Some(spend) = account.info.daily_spend {
            rows.extend(days.iter().map(|day| (id.as_str(), *day, spend)));
        }
    }
    Ok(paging.cut(rows.into_iter(), |(id, day, spend)| row(&dimensions, &metrics, id, day, spend)))
}

/// The days that get a row each; without `stat_time_day` only the first.
fn days(params: &Params, by_day: bool) -> Result<Vec<Date>, Refusal> {
    if params.flag("query_lifetime", false)? {
        return if by_day {
            Err(params.refuse("query_lifetime: not together with stat_time_day."))
        } else {
            Ok(vec![Date::constant(1970, 1, 1)])
        };
    }
    let date = |name: &str| {
        let text = params.required(name)?;
        let well_formed = text.len() == 10;
        text.parse::<Date>()
            .ok()
            .filter(|_| well_formed)
            .ok_or_else(|| params.refuse(format!("{name}: Not a valid date.")))
    };
    let (start, end) = (date("start_date")?, date("end_date")?);
    if start > end {
        return Err(params.refuse("start_date: must not be after end_date."));
    }
    if !by_day {
        return Ok(vec![start]);
    }
    let days: Vec<Date> = start.series(1.day()).take_while(|day| *day <= end).take(31).collect();
    if days.len() > 30 {
        return Err(params.refuse("The time span of a report by day is at most 30 days."));
    }
    Ok(days)
}

/// Metric values are text, as TikTok has them.
fn row(dimensions: &[String], metrics: &[String], id: &str, day: Date, spend: f64) -> Value {
    let dimension = |name: &String| match name.as_str() {
        "advertiser_id" => json!(id),
        "stat_time_day" => json!(format!("{day} 00:00:00")),
        _ => json!(""),
    };
    let metric = |name: &String| match name.as_str() {
        "spend" => json!(format!("{spend:.2}")),
        "impressions" => json!(format!("{:.0}", spend * 200.0)),
        _ => json!("0"),
    };
    json!({
        "dimensions": dimensions.iter().map(|name| (name.clone(), dimension(name))).collect::<Map<_, _>>(),
        "metrics": metrics.iter().map(|name| (name.clone(), metric(name))).collect::<Map<_, _>>(),
    })
}
