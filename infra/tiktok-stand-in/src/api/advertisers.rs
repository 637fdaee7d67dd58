//! What a token may use, the details of ad accounts, and who authorized.

use serde_json::{Map, Value, json};

use super::{Answer, Call, Refusal, oauth};
use crate::{
    ids,
    switches::ForeignId,
    world::{AdAccountState, Owner, World},
};

/// `GET /oauth2/advertiser/get/`
pub(super) fn authorized(world: &mut World, call: &Call<'_>) -> Answer {
    let app_id = call.params.required("app_id")?;
    let secret = call.params.required("secret")?;
    let agreement = &call.grant().agreement;
    if app_id != agreement.app_id {
        return Err(Refusal::new(world.switches.app_token_mismatch, oauth::OTHER_APP));
    }
    oauth::check_app(world, &app_id, &secret)?;
    let entry = |account: &AdAccountState| json!({ "advertiser_id": account.info.advertiser_id, "advertiser_name": account.info.name });
    Ok(json!({ "list": world.covered(agreement).map(entry).collect::<Vec<_>>() }))
}

/// `GET /advertiser/info/`
pub(super) fn info(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.params.ids("advertiser_ids")?.ok_or_else(|| call.params.missing("advertiser_ids"))?;
    if wanted.is_empty() {
        return Err(call.params.missing("advertiser_ids"));
    }
    let max = world.switches.max_advertiser_ids;
    if wanted.len() > max {
        return Err(Refusal::new(40011, format!("advertiser_ids: at most {max} ids in one request.")));
    }
    let fields = call.params.json::<Vec<String>>("fields")?;
    if let Some(unknown) = fields.iter().flatten().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(call.params.refuse(format!("fields: {unknown} is not a valid choice.")));
    }
    let mut list = Vec::new();
    for id in &wanted {
        match usable(world, call, id) {
            Ok(account) => list.push(details(world, account, call.login(), fields.as_deref())),
            Err(refusal) if world.switches.foreign_id == ForeignId::WholeCallFails => return Err(refusal),
            Err(_) => {}
        }
    }
    Ok(json!({ "list": list }))
}

/// An account that the token covers, or the text that says why not.
pub(super) fn usable<'w>(world: &'w World, call: &Call<'_>, id: &str) -> Result<&'w AdAccountState, Refusal> {
    let refuse = |message: String| Refusal::new(world.switches.account_refused, message);
    let existing = world.ad_accounts.get(id).filter(|account| !account.deleted);
    let account = existing.ok_or_else(|| refuse(format!("The advertiser {id} doesn't exist or has been deleted.")))?;
    if world.covers(&call.grant().agreement, account) {
        Ok(account)
    } else {
        Err(refuse(format!("No permission to operate advertiser: {id}")))
    }
}

/// Fields that only come when asked for by name.
const ON_REQUEST: &[&str] = &["company_name_editable", "can_use_custom_identity", "ads_only_mode"];

const FIELDS: &[&str] = &[
    "advertiser_id",
    "name",
    "status",
    "role",
    "owner_bc_id",
    "company",
    "address",
    "industry",
    "description",
    "rejection_reason",
    "license_no",
    "license_url",
    "brand",
    "contacter",
    "email",
    "cellphone_number",
    "telephone_number",
    "country",
    "currency",
    "language",
    "timezone",
    "display_timezone",
    "balance",
    "create_time",
    "advertiser_account_type",
    "promotion_area",
    "promotion_center_city",
    "promotion_center_province",
    "license_city",
    "license_province",
    "company_name_editable",
    "can_use_custom_identity",
    "ads_only_mode",
];

fn details(world: &World, account: &AdAccountState, login: &str, fields: Option<&[String]>) -> Value {
    let info = &account.info;
    let mut all = json!({
        "advertiser_id": info.advertiser_id, "name": info.name, "status": info.status, "role": "ROLE_ADVERTISER",
        "company": world.owner_name(account), "address": null, "industry": "291408", "description": "",
        "rejection_reason": "", "license_no": "", "license_url": null, "brand": null, "contacter": "A***",
        "email": null, "cellphone_number": null, "telephone_number": "+49******11", "country": info.country,
        "currency": info.currency, "language": "en", "timezone": info.timezone, "display_timezone": info.display_timezone.as_ref().unwrap_or(&info.timezone),
        "balance": 12.5, "create_time": info.create_time, "advertiser_account_type": "AUCTION", "promotion_area": "0",
        "promotion_center_city": null, "promotion_center_province": null, "license_city": null, "license_province": null,
        "company_name_editable": false, "can_use_custom_identity": true, "ads_only_mode": false,
    });
    // Shown only to an admin of the owning Business Center who holds a role on the account through that very one.
    if let Owner::BusinessCenter(bc_id) = &info.owner
        && world.is_admin(bc_id, login)
        && world.role_through(account, bc_id, login).is_some()
    {
        all["owner_bc_id"] = json!(bc_id);
    }
    let wanted = |name: &str| match fields {
        Some(fields) => name == "advertiser_id" || fields.iter().any(|field| field == name),
        None => !ON_REQUEST.contains(&name),
    };
    let Value::Object(all) = all else { unreachable!("built as an object above") };
    Value::Object(all.into_iter().filter(|(name, _)| wanted(name)).collect::<Map<_, _>>())
}

/// `GET /user/info/`
pub(super) fn user(world: &mut World, call: &Call<'_>) -> Answer {
    let person = world.people.get(call.login()).ok_or_else(|| Refusal::new(40106, "The user is invalid."))?;
    Ok(json!({
        "core_user_id": person.core_user_id,
        "display_name": person.display_name,
        "email": ids::mask_email(&person.email),
        "create_time": person.create_time,
        "avatar_url": format!("https://avatar.invalid/{}.png", person.core_user_id),
    }))
}
