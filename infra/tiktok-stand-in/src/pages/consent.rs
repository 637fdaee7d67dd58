//! The consent page, and how it may end without a redirect.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::{form::Form, frame::Page, permissions::explained};
use crate::{
    portal::{self, AuthorizationRequest, PERSONAL},
    world::{AdAccountState, Owner, Person, StandInError, World},
};

pub(super) fn page(world: &World, request: &AuthorizationRequest, person: &Person, query: &str) -> Page {
    let centers = portal::centers(world, &person.login);
    let asked = Form::parse(query);
    let wanted = asked.first("business_center").unwrap_or_default();
    let chosen = centers.iter().find(|(bc_id, _)| bc_id == wanted).or(centers.first());
    let chosen = chosen.map_or(PERSONAL, |(bc_id, _)| bc_id.as_str());
    let mut accounts = portal::accounts(world, &person.login, chosen);
    accounts.sort_by_cached_key(|account| account.info.name.to_lowercase());

    let corner = html! {
        (center_switch(&asked, &centers, chosen))
        form method="post" action="/portal/logout" {
            input type="hidden" name="query" value=(query);
            p { "Signed in as " strong { bdi { (person.display_name) } } }
            button { "Switch login" }
        }
    };
    let content = html! {
        h1 { bdi { (request.app_name) } " asks for access" }
        p.lead {
            "Choose what it may do, and with which of your TikTok ad accounts. When you confirm, you go back to "
            bdi { (request.leads_to()) } "."
        }
        // Off, because what a browser fills in again after Back may belong to another Business Center.
        form method="post" action="/portal/consent" autocomplete="off" {
            input type="hidden" name="query" value=(query);
            input type="hidden" name="business_center" value=(chosen);
            (permissions(request))
            (ad_accounts(world, &accounts, chosen))
            div.decision {
                p #selected role="status" { (accounts.len()) " ad " (if accounts.len() == 1 { "account" } else { "accounts" }) }
                button.primary name="action" value="confirm" { "Confirm" }
                button name="action" value="cancel" { "Cancel" }
            }
        }
    };
    Page::new("Consent", content).corner(corner).with_script().leading_elsewhere()
}

fn center_switch(asked: &Form, centers: &[(String, String)], chosen: &str) -> Markup {
    html! {
        form #switch method="get" action="/portal/auth" autocomplete="off" {
            @for (name, value) in asked.pairs().filter(|(name, _)| *name != "business_center") {
                input type="hidden" name=(name) value=(value);
            }
            label for="center" { "Business Center" }
            select #center name="business_center" {
                @for (bc_id, name) in centers {
                    option value=(bc_id) selected[bc_id == chosen] dir="auto" {
                        @if bc_id == PERSONAL { (name) } @else { (apart(name)) " (" (bc_id) ")" }
                    }
                }
            }
            button { "Switch" }
        }
    }
}

/// What `bdi` does, for an option, which holds plain text only: the name cannot turn the id after it around.
fn apart(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    let is_control = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    format!("\u{2068}{}\u{2069}", name.replace(is_control, ""))
}

fn permissions(request: &AuthorizationRequest) -> Markup {
    let permissions = request.permissions();
    html! {
        section role="group" aria-labelledby="permissions" {
            h2 #permissions { "Permissions" }
            @if permissions.is_empty() { p { "There is nothing to switch on or off." } }
            ul.permissions {
                @for (id, name) in permissions {
                    li {
                        label for={ "permission-" (id) } { (name) }
                        input #{ "permission-" (id) } type="checkbox" role="switch" name="permission" value=(id) checked
                            aria-describedby={ "explained-" (id) };
                        p.quiet #{ "explained-" (id) } { (explained(id)) }
                    }
                }
            }
        }
    }
}

/// From how many ad accounts on one would rather search than look.
const MANY: usize = 8;

fn ad_accounts(world: &World, accounts: &[&AdAccountState], center: &str) -> Markup {
    html! {
        // Not a fieldset: with thousands of rows in one, Chromium takes seconds over whatever is shown or hidden in it.
        section role="group" aria-labelledby="ad-accounts" {
            h2 #ad-accounts { "Ad accounts" }
            @if accounts.is_empty() { p { "There are no ad accounts here that you can reach." } }
            @if accounts.len() > 1 {
                // Works with the script only, which shows it.
                div #tools hidden {
                    @if accounts.len() >= MANY {
                        label for="search" { "Search by name or Account ID" }
                        // Of no form: Enter would press Confirm.
                        input #search type="search" form="" autocomplete="off" spellcheck="false" dir="auto";
                    }
                    button #select-all type="button" { "Select all" }
                    button #clear type="button" { "Clear" }
                }
            }
            ul.accounts #accounts {
                @for account in accounts {
                    li {
                        label {
                            input type="checkbox" name="ad_account" value=(account.info.advertiser_id) checked;
                            bdi { (account.info.name) } " "
                            span { "Account ID " (account.info.advertiser_id) } " "
                            span { (owner(world, account, center)) }
                        }
                    }
                }
            }
            p #none hidden { "No ad account has this name or ID." }
        }
    }
}

/// Whose an ad account is, seen from the Business Center whose page this is.
fn owner(world: &World, account: &AdAccountState, center: &str) -> Markup {
    match &account.info.owner {
        Owner::Person(_) if center == PERSONAL => html! { "Your own" },
        Owner::BusinessCenter(bc_id) if bc_id == center => html! { "Owned by this Business Center" },
        Owner::Person(_) | Owner::BusinessCenter(_) => {
            html! { "Shared by " bdi { (world.owner_name(account).unwrap_or("somebody unknown")) } }
        }
    }
}

/// After Cancel, where TikTok leads nowhere.
pub(super) fn cancelled(again: &str) -> Page {
    let content = html! {
        div.card.narrow {
            h1 { "Nothing was authorized" }
            p { "The app was given no access. You may close this window." }
            p { "Or " a href=(again) { "look at the request again" } "." }
        }
    };
    Page::new("Cancelled", content)
}

pub(super) fn refused(error: &StandInError) -> Page {
    let content = html! {
        div.card.narrow {
            h1 { "This link cannot be used" }
            p { "The reason: " bdi { (error) } "." }
            p { "Nothing was authorized. Go back to the app that brought you here, and start again there." }
        }
    };
    Page::new("Bad link", content).status(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_an_option_keeps_to_itself() {
        assert_eq!(apart("Shop Group"), "Shop Group");
        assert_eq!(apart("\u{5d7}\u{5e0}\u{5d5}\u{5ea}"), "\u{2068}\u{5d7}\u{5e0}\u{5d5}\u{5ea}\u{2069}");
        assert_eq!(apart("Shop\u{2069}\u{202e}"), "\u{2068}Shop\u{2069}", "it cannot end what holds it");
    }
}
