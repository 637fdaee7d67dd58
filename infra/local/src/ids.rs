//! Random ids and keys, from the operating system.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};

/// `N` random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

/// A random id in the spelling of a UUID, version 4.
pub fn uuid() -> String {
    let mut id = u128::from_be_bytes(random());
    id = id & !(0xf << 76) | (0x4 << 76);
    id = id & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// An id as API Gateway gives its requests: 15 characters and `=`.
pub fn request_id() -> String {
    format!("{}=", &BASE64_URL_SAFE_NO_PAD.encode(random::<12>())[..15])
}

/// A 32-byte key in base64, as a keyring secret holds it.
pub fn key() -> String {
    BASE64_STANDARD.encode(random::<32>())
}
