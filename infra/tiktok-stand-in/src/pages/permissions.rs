//! What each first-level permission lets an app do, in a sentence for whoever has to decide.

/// An id that no table knows has no switch, and so no sentence.
pub(super) fn explained(id: u64) -> &'static str {
    match id {
        1 => "See your ad accounts, their settings and balance, and the Business Centers they are in.",
        2 => "See, create and change campaigns, ad groups and ads.",
        3 => "See, create, change and share the audiences that ads are shown to.",
        4 => "Read how ads perform: spend, views, clicks and results, by account, campaign and ad.",
        5 => "Send in what people did on a website or in an app after they saw an ad.",
        6 => "See and upload images, videos and music, and manage the posts used as ads.",
        7 => "See and register the mobile apps that ads lead to.",
        8 => "See, create and change the pixels that measure visits to a website.",
        9 => "See and change product catalogs and what they contain.",
        10_000 => "Estimate, book and change ads with a guaranteed reach.",
        12_000_000 => "Fetch the contact forms that people filled in, and make test ones.",
        13_000_000 => "Find creators for paid work, invite them, and follow how far an invitation is.",
        14_000_000 => "See a creator's profile, figures, videos and orders.",
        15_000_000 => "Read and answer comments under ads, and keep a list of blocked words.",
        16_000_000 => "Link an online shop's TikTok extension with this business.",
        17_000_000 => "See, create and change rules that pause or adjust ads by themselves.",
        18_000_000 => "See a business's TikTok profile, publish its videos, and read and answer comments.",
        19_000_000 => "See and manage the shop that sells inside TikTok.",
        7_043_626_160_646_946_818 => "Create sets of offline events and send in purchases made in a store.",
        7_050_363_942_434_013_185 => "Get suggestions about weak ads, and apply them.",
        7_294_180_478_502_830_081 => "See which customer events your sales software sends in.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scopes::TABLE;

    #[test]
    fn every_permission_with_a_switch_has_one_sentence_of_its_own() {
        let mut sentences: Vec<_> = TABLE.iter().filter(|scope| scope.parent == 0).map(|it| explained(it.id)).collect();
        assert!(sentences.iter().all(|text| text.ends_with('.') && text.matches('.').count() == 1), "{sentences:?}");
        let all = sentences.len();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), all);
    }
}
