//! Signing in.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::frame::Page;
use crate::{
    portal::AuthorizationRequest,
    world::{BcRole, Person, World},
};

/// Why somebody is asked to sign in again.
#[derive(Clone, Copy)]
pub(super) enum Problem<'a> {
    WrongPassword { login: &'a str },
    NotSignedIn,
}

pub(super) fn page(world: &World, query: &str, problem: Option<Problem<'_>>) -> Page {
    let request = AuthorizationRequest::parse(world, query).ok();
    let content = html! {
        div.card.narrow {
            h1 { "Sign in" }
            @if let Some(request) = request {
                p.quiet { bdi { (request.app_name) } " asks for access to your TikTok ad accounts. Sign in to answer." }
            }
            (password_form(query, problem))
        }
        section aria-labelledby="people" {
            h2 #people { "People of this stand-in" }
            @if world.people.is_empty() {
                p { "Nobody yet. " a href="/control/" { "The control API" } " brings people in." }
            } @else {
                p.quiet { "Be one of them with one click, no password needed." }
                ul.people {
                    @for (nth, person) in world.people.values().enumerate() { (one_click(world, person, nth, query)) }
                }
            }
        }
    };
    let (title, status) = match problem {
        None => ("Sign in", StatusCode::OK),
        Some(_) => ("Error: Sign in", StatusCode::UNAUTHORIZED),
    };
    Page::new(title, content).status(status)
}

fn password_form(query: &str, problem: Option<Problem<'_>>) -> Markup {
    let (message, login) = match problem {
        None => (None, ""),
        Some(Problem::NotSignedIn) => (Some("Please sign in first."), ""),
        Some(Problem::WrongPassword { login }) => (Some("This login and password do not fit together."), login),
    };
    let wrong = matches!(problem, Some(Problem::WrongPassword { .. }));
    let invalid = wrong.then_some("true");
    let described = wrong.then_some("problem");
    html! {
        form method="post" action="/portal/login" {
            @if let Some(message) = message { p.problem #problem role="alert" { (message) } }
            input type="hidden" name="query" value=(query);
            label for="login" { "Login" }
            input #login name="login" value=(login) autocomplete="username" autocapitalize="none" spellcheck="false" dir="auto"
                required aria-invalid=[invalid] aria-describedby=[described];
            label for="password" { "Password" }
            // After a mistake the cursor is where it can be put right, and a screen reader says what was wrong.
            input #password name="password" type="password" autocomplete="current-password"
                required autofocus[wrong] aria-invalid=[invalid] aria-describedby=[described];
            button.primary { "Sign in" }
        }
    }
}

fn one_click(world: &World, person: &Person, nth: usize, query: &str) -> Markup {
    let mut centers = world.centers_of(&person.login).peekable();
    html! {
        li.card {
            form method="post" action="/portal/login" {
                input type="hidden" name="query" value=(query);
                input type="hidden" name="login" value=(person.login);
                button.whole name="one_click" value="yes" aria-describedby={ "person-" (nth) } {
                    "Continue as " bdi { (person.display_name) }
                }
            }
            div.quiet #{ "person-" (nth) } {
                @if centers.peek().is_none() { p { "In no Business Center" } }
                @for (center, member) in centers {
                    p { (role(member.role)) " in " bdi { (center.info.name) } }
                }
                p { "Login " code { (person.login) } ", password " code { (person.password) } }
            }
        }
    }
}

/// A role in a Business Center, in words.
pub(super) fn role(role: BcRole) -> &'static str {
    match role {
        BcRole::Admin => "Admin",
        BcRole::Standard => "Standard member",
    }
}
