//! A keyring seals bytes with AES-256-GCM and opens what any of its keys sealed.
//!
//! ```text
//! 0x01 | length of key id | key id | nonce, 12 bytes | ciphertext | tag, 16 bytes
//! ```
//!
//! The nonce is random and made here, so that no caller can repeat one. Keys never seal by themselves: HKDF-SHA256 derives
//! a key per purpose and organisation, which keeps each far below the number of messages that random nonces are good for.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const SALT: &[u8] = b"reconnect/sealing/v1";

/// The name of a key: 1 to 16 lower-case letters, digits or dashes. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(String);

impl TryFrom<String> for KeyId {
    type Error = MalformedKeyring;
    fn try_from(text: String) -> Result<Self, MalformedKeyring> {
        let valid = (1..=16).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if valid { Ok(Self(text)) } else { Err(MalformedKeyring::KeyId) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keyring secret that cannot be used. Says where it is wrong, never what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKeyring {
    #[error("a keyring is JSON with `writer` and `keys`")]
    Shape,
    #[error("a key id is 1 to 16 lower-case letters, digits or dashes")]
    KeyId,
    #[error("a key is 32 bytes in base64")]
    Key,
    #[error("`writer` is not among `keys`")]
    WriterMissing,
}

/// Why sealed bytes do not open. Both are ours to mend (`credential_unreadable`); neither says anything about a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// The keyring may be older than the bytes, or the key was taken away too early.
    #[error("no key `{0}` in the keyring")]
    UnknownKey(KeyId),
    /// Altered, cut, or sealed for another place.
    #[error("not sealed by us for this place")]
    Tampered,
}

/// One key writes, all of them read, so that a key can be replaced while old bytes live on.
pub struct Keyring {
    writer: KeyId,
    keys: BTreeMap<KeyId, Prk>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring {{ writer: {}, keys: {} }}", self.writer, self.keys.len())
    }
}

#[derive(Deserialize)]
struct KeyringSecret {
    writer: KeyId,
    keys: BTreeMap<KeyId, Zeroizing<String>>,
}

impl Keyring {
    /// Reads the secret: `{"writer": "k2", "keys": {"k1": "<base64 of 32 bytes>", "k2": "…"}}`.
    pub fn parse(json: &str) -> Result<Self, MalformedKeyring> {
        let secret: KeyringSecret = serde_json::from_str(json).map_err(|_| MalformedKeyring::Shape)?;
        let mut keys = BTreeMap::new();
        for (id, key) in secret.keys {
            let key = BASE64_STANDARD.decode(key.as_bytes()).map(Zeroizing::new).map_err(|_| MalformedKeyring::Key)?;
            if key.len() != KEY_BYTES {
                return Err(MalformedKeyring::Key);
            }
            keys.insert(id, Salt::new(HKDF_SHA256, SALT).extract(&key));
        }
        if keys.contains_key(&secret.writer) {
            Ok(Self { writer: secret.writer, keys })
        } else {
            Err(MalformedKeyring::WriterMissing)
        }
    }

    pub fn knows(&self, id: &KeyId) -> bool {
        self.keys.contains_key(id)
    }

    pub fn writes_with(&self, id: &KeyId) -> bool {
        self.writer == *id
    }

    /// Seals with the writing key. `family` picks the derived key, `place` is bound to the result and must be the same to open it.
    pub(super) fn seal(&self, family: &[&[u8]], place: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).expect("the operating system gives random bytes");

        let id = self.writer.0.as_bytes();
        let mut blob = Vec::with_capacity(2 + id.len() + NONCE_LEN + plaintext.len() + TAG_BYTES);
        blob.push(FORMAT);
        blob.push(u8::try_from(id.len()).expect("a key id has at most 16 bytes"));
        blob.extend_from_slice(id);
        blob.extend_from_slice(&nonce);
        let header = blob.len();
        blob.extend_from_slice(plaintext);

        let tag = derived(&self.keys[&self.writer], family)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                bound(&self.writer, place),
                &mut blob[header..],
            )
            .expect("far below the 64 GB that one message may have");
        blob.extend_from_slice(tag.as_ref());
        blob
    }

    /// Opens what [`Keyring::seal`] made for the same family and place.
    pub(super) fn open(
        &self,
        family: &[&[u8]],
        place: &[&[u8]],
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (id, sealed) = split(blob).ok_or(Unsealable::Tampered)?;
        let key = self.keys.get(&id).ok_or_else(|| Unsealable::UnknownKey(id.clone()))?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable::Tampered)?;

        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let length = derived(key, family)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), bound(&id, place), &mut buffer)
            .map_err(|_| Unsealable::Tampered)?
            .len();
        buffer[length..].zeroize();
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// The key that sealed bytes name, if they are shaped like ours. Nothing is proven yet.
pub fn key_id_of(blob: &[u8]) -> Option<KeyId> {
    split(blob).map(|(id, _)| id)
}

fn split(blob: &[u8]) -> Option<(KeyId, &[u8])> {
    let [FORMAT, length, rest @ ..] = blob else { return None };
    let (id, sealed) = rest.split_at_checked(usize::from(*length))?;
    let id = KeyId::try_from(std::str::from_utf8(id).ok()?.to_owned()).ok()?;
    Some((id, sealed))
}

fn derived(key: &Prk, family: &[&[u8]]) -> LessSafeKey {
    let family = framed(family);
    let info = [family.as_slice()];
    let key = key.expand(&info, &AES_256_GCM).expect("32 bytes are well below HKDF's limit");
    LessSafeKey::new(UnboundKey::from(key))
}

fn bound(id: &KeyId, place: &[&[u8]]) -> Aad<Vec<u8>> {
    let mut all = vec![&[FORMAT][..], id.0.as_bytes()];
    all.extend_from_slice(place);
    Aad::from(framed(&all))
}

/// Each part behind its length, so that no two lists of parts read the same.
fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// A keyring secret with keys made of their numbers: `ring("k2", &[("k1", 1), ("k2", 2)])`.
    pub(crate) fn secret(writer: &str, keys: &[(&str, u8)]) -> String {
        let keys: BTreeMap<&str, String> =
            keys.iter().map(|(id, byte)| (*id, BASE64_STANDARD.encode([*byte; KEY_BYTES]))).collect();
        serde_json::json!({ "writer": writer, "keys": keys }).to_string()
    }

    pub(crate) fn ring(writer: &str, keys: &[(&str, u8)]) -> Keyring {
        Keyring::parse(&secret(writer, keys)).unwrap()
    }

    #[test]
    fn a_keyring_says_what_is_wrong_with_it() {
        let refused = |json: &str| Keyring::parse(json).unwrap_err();
        assert_eq!(refused("{}"), MalformedKeyring::Shape);
        assert_eq!(refused(r#"{"writer":"K","keys":{}}"#), MalformedKeyring::Shape);
        assert_eq!(refused(r#"{"writer":"k1","keys":{"k1":"AAAA"}}"#), MalformedKeyring::Key);
        assert_eq!(refused(r#"{"writer":"k1","keys":{"k1":"%"}}"#), MalformedKeyring::Key);
        assert_eq!(refused(&secret("k2", &[("k1", 1)])), MalformedKeyring::WriterMissing);
        assert_eq!(format!("{:?}", ring("k1", &[("k1", 1)])), "Keyring { writer: k1, keys: 1 }");
    }

    /// T72: bytes of the old key open while it is in the ring, and name it when it is not.
    #[test]
    fn a_key_can_be_replaced() {
        let before = ring("k1", &[("k1", 1)]).seal(&[b"f"], &[b"p"], b"text");
        let rotated = ring("k2", &[("k1", 1), ("k2", 2)]);
        assert_eq!(rotated.open(&[b"f"], &[b"p"], &before).unwrap().as_slice(), b"text");
        let after = rotated.seal(&[b"f"], &[b"p"], b"text");
        let k2 = KeyId("k2".to_owned());
        assert_eq!(key_id_of(&after), Some(k2.clone()));
        assert_eq!(ring("k1", &[("k1", 1)]).open(&[b"f"], &[b"p"], &after).unwrap_err(), Unsealable::UnknownKey(k2));
        assert_eq!(ring("k1", &[("k1", 9)]).open(&[b"f"], &[b"p"], &before).unwrap_err(), Unsealable::Tampered);
    }

    #[test]
    fn neighbouring_parts_do_not_run_into_each_other() {
        let ring = ring("k1", &[("k1", 1)]);
        let blob = ring.seal(&[b"f"], &[b"ab", b"c"], b"text");
        assert!(ring.open(&[b"f"], &[b"ab", b"c"], &blob).is_ok());
        assert_eq!(ring.open(&[b"f"], &[b"a", b"bc"], &blob).unwrap_err(), Unsealable::Tampered);
        assert_eq!(ring.open(&[b"f"], &[b"abc"], &blob).unwrap_err(), Unsealable::Tampered);
        assert_eq!(ring.open(&[b"f", b""], &[b"ab", b"c"], &blob).unwrap_err(), Unsealable::Tampered);
    }

    /// T75.
    #[test]
    fn no_nonce_repeats_in_a_hundred_thousand_seals() {
        let ring = ring("k1", &[("k1", 1)]);
        let nonces: HashSet<Vec<u8>> =
            (0..100_000).map(|_| ring.seal(&[], &[], b"")[4..4 + NONCE_LEN].to_vec()).collect();
        assert_eq!(nonces.len(), 100_000);
    }

    /// T75: every block differs, so nobody sees that two rows hold the same token.
    #[test]
    fn the_same_text_never_looks_the_same() {
        let ring = ring("k1", &[("k1", 1)]);
        let text = [b'a'; 160];
        let (one, two) = (ring.seal(&[], &[], &text), ring.seal(&[], &[], &text));
        for (one, two) in one.chunks_exact(16).zip(two.chunks_exact(16)) {
            assert_ne!(one, two);
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(text: Vec<u8>, family: Vec<u8>, place: Vec<u8>) {
            let ring = ring("k1", &[("k1", 1)]);
            let blob = ring.seal(&[&family], &[&place], &text);
            prop_assert_eq!(ring.open(&[&family], &[&place], &blob).unwrap().to_vec(), text);
        }

        /// T71: whatever comes, an answer and no panic.
        #[test]
        fn junk_does_not_open(blob: Vec<u8>) {
            prop_assert!(ring("k1", &[("k1", 1)]).open(&[], &[], &blob).is_err());
        }

        #[test]
        fn a_cut_blob_does_not_open(text: Vec<u8>, keep in 0.0..1.0) {
            let ring = ring("k1", &[("k1", 1)]);
            let blob = ring.seal(&[], &[], &text);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place inside the blob")]
            let kept = (blob.len() as f64 * keep) as usize;
            prop_assert!(ring.open(&[], &[], &blob[..kept]).is_err());
        }
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let ring = ring("k1", &[("k1", 1), ("k2", 2)]);
        let blob = ring.seal(&[b"f"], &[b"p"], b"a token of forty characters, more or less");
        for bit in 0..blob.len() * 8 {
            let mut flipped = blob.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(ring.open(&[b"f"], &[b"p"], &flipped).is_err(), "bit {bit}");
        }
    }
}
