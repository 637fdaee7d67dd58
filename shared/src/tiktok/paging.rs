//! Walking a list of TikTok's to its end, so that absence from it means something.
//!
//! A list that lost an entry on the way reads exactly like a lost account. So the end is where TikTok has nothing more
//! to give, not where its totals say it should be, and any sign that the pages do not add up makes the whole list
//! unavailable: an entry that comes twice, a total that changes, fewer entries than announced, more than 200 pages.

use std::collections::HashSet;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::client::TikTok;
use super::wire::{Entry, Page, PageInfo, WireMembership};
use crate::sealing::AccessToken;
use domain::checks::{Asked, Endpoint, Refusal};

/// 10,000 entries at 50 a page.
const MAX_PAGES: usize = 200;

/// Pages under way at the same time: 5,000 ad accounts are a hundred pages, and one after the other they would take
/// longer than anybody waits. More would run into TikTok's limit of requests per second by ourselves.
const AT_ONCE: usize = 2;

/// What a walk knows so far.
struct Walk<T> {
    page_size: usize,
    entries: Vec<T>,
    keys: HashSet<String>,
    pages: usize,
    total_number: Option<usize>,
    parent: Option<WireMembership>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Ask for this page.
    Next(usize),
    Complete,
    /// The pages contradict each other: not a list to conclude anything from.
    Unreliable,
}

impl<T: Entry> Walk<T> {
    fn new(page_size: usize) -> Self {
        Self { page_size, entries: Vec::new(), keys: HashSet::new(), pages: 0, total_number: None, parent: None }
    }

    fn take(&mut self, page: Page<T>) -> Step {
        self.pages += 1;
        let Page { list, info: PageInfo { page: number, total_number, total_page }, parent } = page;
        self.parent = self.parent.take().or(parent);
        if number != self.pages || *self.total_number.get_or_insert(total_number) != total_number {
            return Step::Unreliable;
        }
        let received = list.len();
        for entry in list {
            if !self.keys.insert(entry.key().to_owned()) {
                return Step::Unreliable;
            }
            self.entries.push(entry);
        }
        // A full page may hide another one behind it, whatever the total says.
        let may_go_on = received == self.page_size || (received > 0 && self.entries.len() < total_number);
        match (may_go_on, self.pages < MAX_PAGES) {
            (true, true) => Step::Next(self.pages + 1),
            (true, false) => Step::Unreliable,
            (false, _) if self.entries.len() < total_number || self.pages < total_page => Step::Unreliable,
            (false, _) => Step::Complete,
        }
    }
}

impl TikTok {
    /// Every entry of a list with pages, in TikTok's order. The evidence is that of the last page asked for.
    pub(super) async fn every_page<T: Entry>(
        &self,
        endpoint: Endpoint,
        token: &AccessToken,
        query: &[(&str, &str)],
        page_size: usize,
        deadline: Instant,
    ) -> Asked<Vec<T>> {
        self.every_page_and_parent(endpoint, token, query, page_size, deadline).await.map(|(entries, _)| entries)
    }

    /// [`TikTok::every_page`], and the Business Center that all entries belong to, where the pages name one.
    pub(super) async fn every_page_and_parent<T: Entry>(
        &self,
        endpoint: Endpoint,
        token: &AccessToken,
        query: &[(&str, &str)],
        page_size: usize,
        deadline: Instant,
    ) -> Asked<(Vec<T>, Option<WireMembership>)> {
        let mut walk = Walk::new(page_size);
        let page_size = &page_size.to_string();
        let read = |number: usize| async move {
            let page = number.to_string();
            let query: Vec<_> =
                query.iter().copied().chain([("page", page.as_str()), ("page_size", page_size.as_str())]).collect();
            self.read::<Page<T>>(endpoint, token, &query, deadline).await
        };
        let mut asked = read(1).await;
        let announced = asked.value().map_or(0, |page| page.info.total_page).min(MAX_PAGES);
        let mut ahead = stream::iter(2..=announced).map(read).buffered(AT_ONCE);
        loop {
            let Asked { evidence, answer } = asked;
            let step = match answer {
                Ok(page) => walk.take(page),
                Err(refusal) => return Asked { evidence, answer: Err(refusal) },
            };
            asked = match step {
                Step::Next(number) => match ahead.next().await {
                    Some(asked) => asked,
                    // The list goes on where it was announced to end.
                    None => read(number).await,
                },
                Step::Complete => return Asked { evidence, answer: Ok((walk.entries, walk.parent)) },
                Step::Unreliable => {
                    tracing::warn!(
                        endpoint = endpoint.path(),
                        pages = walk.pages,
                        "TikTok's pages contradict each other"
                    );
                    return Asked { evidence, answer: Err(Refusal::Unavailable) };
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Entry for String {
        fn key(&self) -> &str {
            self
        }
    }

    fn names(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| number.to_string()).collect()
    }

    fn page(list: Vec<String>, page: usize, total_number: usize, total_page: usize) -> Page<String> {
        Page { list, info: PageInfo { page, total_number, total_page }, parent: None }
    }

    fn walk() -> Walk<String> {
        Walk::new(50)
    }

    /// Walks as the client does; `answer` gives the list for a page number.
    fn end(mut answer: impl FnMut(usize) -> Page<String>) -> (Step, Vec<String>) {
        let mut walk = walk();
        let mut number = 1;
        loop {
            match walk.take(answer(number)) {
                Step::Next(next) => number = next,
                step => return (step, walk.entries),
            }
        }
    }

    fn honest(entries: &[String], number: usize) -> Page<String> {
        let list = entries.chunks(50).nth(number - 1).unwrap_or_default().to_vec();
        page(list, number, entries.len(), entries.len().div_ceil(50))
    }

    #[test]
    fn t52_the_last_of_five_thousand_is_found() {
        let all = names(0..5_000);
        assert_eq!(end(|number| honest(&all, number)), (Step::Complete, all.clone()));
    }

    #[test]
    fn an_empty_list_is_complete_after_one_page() {
        assert_eq!(walk().take(page(vec![], 1, 0, 0)), Step::Complete);
        assert_eq!(walk().take(page(vec![], 1, 0, 1)), Step::Complete);
    }

    #[test]
    fn a_short_page_ends_a_list_without_another_question() {
        assert_eq!(walk().take(page(names(0..49), 1, 49, 1)), Step::Complete);
    }

    #[test]
    fn t52_a_total_that_is_too_low_hides_nothing() {
        let all = names(0..5_000);
        let (step, found) = end(|number| page(honest(&all, number).list, number, 1, 1));
        assert_eq!((step, found.len()), (Step::Complete, 5_000));
    }

    #[test]
    fn t52_a_total_that_is_too_high_makes_the_list_unavailable() {
        let all = names(0..60);
        assert_eq!(end(|number| page(honest(&all, number).list, number, 61, 2)).0, Step::Unreliable);
        assert_eq!(end(|number| page(honest(&all, number).list, number, 60, 3)).0, Step::Unreliable);
    }

    #[test]
    fn t52_a_page_that_repeats_makes_the_list_unavailable() {
        let all = names(0..100);
        for declared in [1, 2] {
            let (step, _) = end(|number| page(honest(&all, 1).list, if declared == 1 { 1 } else { number }, 100, 2));
            assert_eq!(step, Step::Unreliable);
        }
    }

    /// The counts add up, but ten entries are missing and ten came twice.
    #[test]
    fn t52_an_entry_that_comes_twice_makes_the_list_unavailable() {
        let (step, _) = end(|number| page(names(0..if number == 1 { 50 } else { 10 }), number, 60, 2));
        assert_eq!(step, Step::Unreliable);
    }

    #[test]
    fn t52_an_endless_list_ends_as_unavailable() {
        let mut asked = 0;
        let (step, _) = end(|number| {
            asked = number;
            page(names(number * 50..(number + 1) * 50), number, 1_000_000, 20_000)
        });
        assert_eq!((step, asked), (Step::Unreliable, MAX_PAGES));
    }

    #[test]
    fn a_list_that_changes_on_the_way_is_unavailable() {
        let all = names(0..120);
        let (step, _) = end(|number| page(honest(&all, number).list, number, 120 - number, 3));
        assert_eq!(step, Step::Unreliable);
    }

    #[test]
    fn smaller_pages_than_asked_for_are_followed() {
        let all = names(0..45);
        let list = |number: usize| all.chunks(20).nth(number - 1).unwrap_or_default().to_vec();
        assert_eq!(end(|number| page(list(number), number, 45, 3)), (Step::Complete, all.clone()));
    }

    proptest! {
        #[test]
        fn an_honest_list_is_always_found_whole(count in 0usize..700) {
            let all = names(0..count);
            prop_assert_eq!(end(|number| honest(&all, number)), (Step::Complete, all.clone()));
        }

        #[test]
        fn a_list_is_never_called_complete_when_a_page_went_missing(count in 1usize..700, lost in 0usize..14) {
            let all = names(0..count);
            let lost = lost % count.div_ceil(50) + 1;
            let (step, _) = end(|number| {
                let mut page = honest(&all, number);
                if number == lost {
                    page.list.clear();
                }
                page
            });
            prop_assert_eq!(step, Step::Unreliable);
        }

        #[test]
        fn whatever_the_totals_say_complete_means_everything(
            count in 0usize..300,
            total_number in 0usize..400,
            total_page in 0usize..10,
        ) {
            let all = names(0..count);
            let (step, found) = end(|number| page(honest(&all, number).list, number, total_number, total_page));
            prop_assert!(step == Step::Unreliable || found == all);
        }
    }
}
