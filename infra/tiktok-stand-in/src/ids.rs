//! The shapes of TikTok's identifiers, and how the stand-in invents, shortens and masks them.

use jiff::{SignedDuration, Timestamp};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

/// Forty lower-case hex characters: the shape of access tokens, authorization codes and app secrets.
pub(crate) fn secret() -> String {
    hex::<20>()
}

/// A session id for the login page.
pub(crate) fn session() -> String {
    hex::<16>()
}

/// Fourteen digits of the time in UTC+8, then twenty upper-case hex characters.
pub(crate) fn request_id(now: Timestamp) -> String {
    let local = now.checked_add(SignedDuration::from_hours(8)).unwrap_or(now);
    format!("{}{}", local.strftime("%Y%m%d%H%M%S"), hex::<10>().to_uppercase())
}

/// Names a token in logs without giving it away: the first twelve hex characters of its SHA-256.
pub fn fingerprint(token: &str) -> String {
    let mut hash = to_hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash.truncate(12);
    hash
}

/// `ana@example.com` becomes `a***@e******.com`: first letters and the top-level domain stay.
pub(crate) fn mask_email(email: &str) -> String {
    let Some((name, host)) = email.split_once('@') else {
        return "***".to_owned();
    };
    let (domain, top) = host.rsplit_once('.').unwrap_or((host, ""));
    let name = name.chars().next().unwrap_or('*');
    let hidden = "*".repeat(domain.chars().count().saturating_sub(1));
    let domain = domain.chars().next().unwrap_or('*');
    let dot = if top.is_empty() { "" } else { "." };
    format!("{name}***@{domain}{hidden}{dot}{top}")
}

/// Whether `text` could be one of TikTok's 64-bit ids.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i64>().is_ok_and(|id| id > 0)
}

/// A nineteen-digit id from a family (`71` ad accounts, `72` Business Centers, …) and a number made from `seed`.
pub(crate) fn derived_id(family: u8, seed: &str) -> String {
    let hash = digest::digest(&digest::SHA256, seed.as_bytes());
    let number = hash.as_ref()[..7].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("{family}{:017}", number % 100_000_000_000_000_000)
}

fn hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    SystemRandom::new().fill(&mut bytes).expect("the machine gives random bytes");
    to_hex(&bytes)
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_beijing_time_and_twenty_upper_case_hex_digits() {
        let id = request_id("2026-11-23T18:15:00Z".parse().unwrap());
        assert_eq!(id.len(), 34);
        assert_eq!(&id[..14], "20261124021500");
        assert!(id[14..].bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{id}");
    }

    #[test]
    fn secrets_have_forty_hex_digits_and_differ() {
        let (one, other) = (secret(), secret());
        assert_eq!(one.len(), 40);
        assert!(one.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_ne!(one, other);
    }

    #[test]
    fn an_email_keeps_its_first_letters_only() {
        assert_eq!(mask_email("ana@example.com"), "a***@e******.com");
        assert_eq!(mask_email("nonsense"), "***");
    }

    #[test]
    fn ids_are_positive_64_bit_numbers_in_text() {
        assert!(is_id("7100000000000000011"));
        for bad in ["", "abc", "-1", "+1", "0", "71000000000000000110", "7.1", " 7"] {
            assert!(!is_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn derived_ids_have_nineteen_digits_and_are_stable() {
        assert_eq!(derived_id(74, "ana").len(), 19);
        assert_eq!(derived_id(74, "ana"), derived_id(74, "ana"));
        assert_ne!(derived_id(74, "ana"), derived_id(74, "ben"));
    }
}
