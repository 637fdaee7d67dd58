//! TikTok's permission scopes: three levels, as data, and the one rule about them.
//!
//! Holding an id grants everything below it. Ids that no table knows occur in real grants; they are kept and mean nothing
//! here.

/// One published scope: id, parent (`0` at the top) and name.
pub struct Scope {
    pub id: u64,
    pub parent: u64,
    pub name: &'static str,
}

const fn s(id: u64, parent: u64, name: &'static str) -> Scope {
    Scope { id, parent, name }
}

/// Looks up a published scope.
pub fn find(id: u64) -> Option<&'static Scope> {
    TABLE.iter().find(|scope| scope.id == id)
}

/// The first-level scope above `id`, itself included; `None` for an id that no table knows.
pub fn root(id: u64) -> Option<u64> {
    ancestors(id).last()
}

/// `id` and everything above it, nearest first; empty for an unknown id.
pub fn ancestors(id: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(find(id), |scope| find(scope.parent)).map(|scope| scope.id)
}

/// Whether `held` permits what needs `needed`: it holds the id itself or one above it.
pub fn permits(held: &[u64], needed: u64) -> bool {
    held.contains(&needed) || ancestors(needed).any(|id| held.contains(&id))
}

/// Every published scope, parents before children.
#[rustfmt::skip]
pub static TABLE: &[Scope] = &[
    s(1, 0, "Ad Account Management"),
    s(10, 1, "Ad Account Information"), s(100, 10, "Read Ad Account Information"),
    s(12, 1, "Terms and Agreements"), s(120, 12, "Terms and Agreements"),
    s(13, 1, "Pangle Block List Management"), s(130, 13, "Pangle Block List Management"),
    s(14, 1, "Pangle Audience Packages"), s(140, 14, "Pangle Audience Packages"),
    s(15, 1, "Business Center"), s(150, 15, "Read Business Center"), s(151, 15, "Create Ad Account"),
    s(152, 15, "Ad Account Balance and Transaction"), s(153, 15, "Business Center Asset"),
    s(155, 15, "Business Center Partner Management"), s(156, 15, "Business Center Member Management"),
    s(157, 15, "Business Center Billing Group Management"), s(7_078_191_955_347_259_394, 15, "Invoice Management"),
    s(7_153_155_400_966_176_769, 15, "Asset Group"),

    s(2, 0, "Ads Management"),
    s(20, 2, "Campaign"), s(200, 20, "Read Campaigns"), s(201, 20, "Create and Update Campaigns"),
    s(21, 2, "Ad Group"), s(210, 21, "Read Ad Groups"), s(211, 21, "Create and Update Ad Groups"),
    s(22, 2, "Ad"), s(220, 22, "Read Ads"), s(221, 22, "Create and Update Ads"),
    s(23, 2, "Change Log"), s(230, 23, "Change Log"), s(24, 2, "Split Test"), s(240, 24, "Split Test"),
    s(7_133_464_587_805_982_722, 2, "Search Ads"), s(7_133_464_587_805_999_106, 7_133_464_587_805_982_722, "Negative Keywords"),

    s(3, 0, "Audience Management"),
    s(30, 3, "Read Custom Audiences"), s(31, 3, "Create and Update Custom Audiences"), s(32, 3, "Share Custom Audiences"),

    s(4, 0, "Reporting"),
    s(40, 4, "Ad Account Level"), s(41, 4, "Campaign Level"), s(42, 4, "Ad Group Level"), s(43, 4, "Ad Level"),
    s(44, 4, "Consolidated Report"), s(7_043_626_160_646_815_746, 4, "Ad Insight Report"),
    s(7_231_011_733_974_859_777, 4, "Creative Fatigue Insight"),

    s(5, 0, "Measurement"),
    s(50, 5, "Report App Event"), s(51, 5, "Report Pixel Event"), s(7_224_195_155_857_866_754, 5, "Report Conversion Event"),

    s(6, 0, "Creative Management"),
    s(60, 6, "Image Management"), s(600, 60, "Read Image Library"), s(601, 60, "Create and Update Images"),
    s(61, 6, "Video Management"), s(610, 61, "Read Video Library"), s(611, 61, "Create and Update Videos"),
    s(612, 61, "Generate Thumbnails for Videos"), s(62, 6, "Video Template"),
    s(63, 6, "Music management"), s(630, 63, "Read music library"), s(631, 63, "Upload music file"),
    s(64, 6, "Creative tool"), s(65, 6, "Get Creative Report"),
    s(66, 6, "Playable Ads"), s(660, 66, "Read Playable Ads"), s(661, 66, "Create/Manage Playable Ads"),
    s(67, 6, "Creative Material Verification"), s(68, 6, "Instant Page Management"), s(680, 68, "Instant Page Management"),
    s(69, 6, "TikTok Posts Management"), s(690, 69, "Query TikTok Posts"), s(691, 69, "Authorize TikTok Posts"),
    s(692, 69, "Create Identity"), s(693, 69, "Query Identity"), s(7_176_842_096_345_694_209, 69, "Delete Identity"),
    s(6_110_000, 6, "Creative Recommendation"), s(6_110_100, 6_110_000, "CTA Recommendation"), s(6_110_200, 6_110_000, "Smart Text"),
    s(7_050_363_942_434_078_721, 6, "Dynamic Scene"), s(7_043_626_160_646_864_898, 7_050_363_942_434_078_721, "Core Functions"),
    s(7_130_572_512_626_360_322, 6, "Smart Fix"), s(7_132_385_893_100_437_506, 7_130_572_512_626_360_322, "Fix Task management"),
    s(7_176_833_266_039_685_122, 6, "File Name Check"),

    s(7, 0, "App Management"),
    s(70, 7, "App Management"), s(700, 70, "Read Apps"), s(701, 70, "Create and Update Apps"),

    s(8, 0, "Pixel Management"),
    s(80, 8, "Pixel Management"), s(800, 80, "Read Pixels"), s(801, 80, "Create and Update Pixels"), s(802, 80, "Pixel Level Reporting"),

    s(9, 0, "DPA Catalog Management"),
    s(90, 9, "Catalog Management"), s(900, 90, "Read Catalogs"), s(901, 90, "Create and Update Catalog"),
    s(91, 9, "Product Management"), s(910, 91, "Read Products"), s(911, 91, "Create and Update Product"),
    s(92, 9, "DPA Set Management"), s(920, 92, "Get Catalog Set"), s(921, 92, "Post Catalog Set"),
    s(94, 9, "Catalog Video Management"), s(940, 94, "Get Catalog Video"), s(941, 94, "Post Catalog Video"),
    s(95, 9, "Template"), s(950, 95, "Template"),
    s(96, 9, "Event Source Bind"), s(960, 96, "Read Event Source Bind"), s(961, 96, "Create and Delete Event Source Bind"),
    s(97, 9, "Feed"), s(970, 97, "Get Feed"), s(971, 97, "Post Feed"), s(7_224_195_155_857_915_906, 9, "Diagnostic"),

    s(10_000, 0, "Reach & Frequency"),
    s(100_000, 10_000, "Create and Update Ad Groups"), s(100_001, 10_000, "Inventory and Orders"), s(100_002, 10_000, "Tools"),

    s(12_000_000, 0, "Lead Management"),
    s(12_010_000, 12_000_000, "Leads Retrieval"), s(12_010_100, 12_010_000, "Leads Retrieval"),
    s(12_020_000, 12_000_000, "Test Leads"), s(12_020_100, 12_020_000, "Test Leads"),

    s(13_000_000, 0, "TikTok Creator Marketplace (TCM)"),
    s(13_010_000, 13_000_000, "Create and Update TCM Account"), s(13_020_000, 13_000_000, "Read TCM Account"),
    s(13_030_000, 13_000_000, "Get Creators Onboarding Status and Invite Creators to TCM"),
    s(13_040_000, 13_000_000, "Send Spark Ads Invitation to Creators and Get the Status"),

    s(14_000_000, 0, "TikTok Creator"),
    s(14_010_000, 14_000_000, "Creator User"), s(14_010_100, 14_010_000, "Get Creator Basic Info"),
    s(14_010_200, 14_010_000, "Get Creator Insights"), s(14_020_000, 14_000_000, "Creator Media"),
    s(14_020_100, 14_020_000, "Get Creator Media"), s(14_030_000, 14_000_000, "Creator Order"),

    s(15_000_000, 0, "Ad Comments"),
    s(15_010_000, 15_000_000, "Ad Comment Management"), s(15_010_100, 15_010_000, "Read Comments"),
    s(15_010_200, 15_010_000, "Write Comments"), s(15_020_000, 15_000_000, "Blocked Word Management"),
    s(15_020_100, 15_020_000, "Read Blocked Words"), s(15_020_200, 15_020_000, "Write Blocked Words"),

    s(16_000_000, 0, "TikTok business plugin"),

    s(17_000_000, 0, "Automated Rules"),
    s(17_010_000, 17_000_000, "Create and Update Automated Rules"),
    s(17_020_000, 17_000_000, "Read Automated Rules and their Execution Results"),

    s(18_000_000, 0, "TikTok Accounts"),
    s(18_010_000, 18_000_000, "Business User"), s(18_010_100, 18_010_000, "Get Business User Basic Info"),
    s(18_020_000, 18_000_000, "Business Media"), s(18_030_000, 18_000_000, "Business Comment"),
    s(18_030_100, 18_030_000, "Get Business Comment"), s(18_030_200, 18_030_000, "Manage Business Comment"),
    s(7_044_139_020_472_942_593, 18_000_000, "Business Content"),
    s(7_050_363_942_433_996_801, 7_044_139_020_472_942_593, "Video Publish"),

    s(19_000_000, 0, "Onsite Commerce Store"),

    s(7_043_626_160_646_946_818, 0, "Offline Events Management"),
    s(7_050_363_942_434_095_105, 7_043_626_160_646_946_818, "Create/Manage Offline Events"),
    s(7_050_363_942_434_127_873, 7_043_626_160_646_946_818, "Report Offline Events One by One"),
    s(7_068_127_621_543_919_617, 7_043_626_160_646_946_818, "Report Offline Events in Bulk"),
    s(7_224_195_155_857_833_986, 7_043_626_160_646_946_818, "Read Offline Events"),

    s(7_050_363_942_434_013_185, 0, "Ad Diagnosis"),
    s(7_050_363_942_434_029_569, 7_050_363_942_434_013_185, "Get and Adopt Diagnosis Suggestion"),

    s(7_294_180_478_502_830_081, 0, "CRM Event Management"),
    s(7_294_180_478_502_846_465, 7_294_180_478_502_830_081, "Read CRM Event Sets"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_listed_once_and_after_its_parent() {
        for (at, scope) in TABLE.iter().enumerate() {
            let earlier = &TABLE[..at];
            assert!(earlier.iter().all(|other| other.id != scope.id), "{} twice", scope.id);
            assert!(scope.parent == 0 || earlier.iter().any(|other| other.id == scope.parent), "{}", scope.id);
        }
        assert_eq!(TABLE.iter().filter(|scope| scope.parent == 0).count(), 21);
    }

    #[test]
    fn an_ancestor_permits_and_a_sibling_or_child_does_not() {
        for held in [100, 10, 1] {
            assert!(permits(&[held], 100), "{held}");
        }
        for held in [12, 101, 150, 15, 4] {
            assert!(!permits(&[held], 100), "{held}");
        }
        assert!(!permits(&[100], 10), "a child does not hold its parent");
    }

    #[test]
    fn unknown_ids_are_kept_apart() {
        let unknown = 7_580_203_444_061_896_721;
        assert_eq!(root(unknown), None);
        assert!(permits(&[unknown], unknown));
        assert!(!permits(&[unknown], 40));
        assert!(!permits(&[4], unknown));
    }

    #[test]
    fn the_root_is_the_first_level() {
        assert_eq!(root(100), Some(1));
        assert_eq!(root(7_043_626_160_646_815_746), Some(4));
        assert_eq!(root(4), Some(4));
    }
}
