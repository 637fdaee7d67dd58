//! T25, T27: queries that make no sense, for the one route that anybody may call.

use futures::future::join_all;

use super::wire::{Request, pids};
use super::{STATE, to_the_app};
use crate::support::*;

const QUERIES: usize = 2_000;
const LANES: usize = 4;

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).expect("small")
    }
}

fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut query = format!("state={STATE}&auth_code=abcdef0123456789&code=abcdef0123456789").into_bytes();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(query.len().max(1)).min(query.len());
        let end = (at + dice.roll(20)).min(query.len());
        let insert: Vec<u8> = match dice.roll(16) {
            0 => vec![u8::try_from(dice.roll(256)).expect("a byte")],
            1 => format!("%{:02x}", dice.roll(256)).into_bytes(),
            2 => b"%zz".to_vec(),
            3 => b"%".to_vec(),
            4 => b"%00".to_vec(),
            5 => b"%0d%0aSet-Cookie:%20x=1".to_vec(),
            6 => b"&state=".to_vec(),
            7 => b"&auth_code=other".to_vec(),
            8 => (0..500).flat_map(|key| format!("&k{key}={key}").into_bytes()).collect(),
            9 => vec![b'a'; 4_096],
            10 => vec![b'%'; 9 * 1024],
            11 => [b"%ff".as_slice(), b"%c0%80", b"%ed%a0%80"].concat(),
            12 => b"&&==&=&".to_vec(),
            13 => "\u{202e}é🛍".as_bytes().to_vec(),
            14 => query[at..end].to_vec(),
            _ => Vec::new(),
        };
        // Inserted, or in place of something.
        let end = if dice.roll(2) == 0 { at } else { end };
        query.splice(at..end, insert);
    }
    query
}

#[tokio::test]
async fn t25_no_query_breaks_the_callback() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let good = format!("/oauth/tiktok/callback?state={STATE}&auth_code=abc");
    to_the_app(&world, &Request::get(&good).send(&world).await);
    let processes = || pids(&world).into_iter().find(|(name, _)| name == "oauth-callback").expect("the callback").1;
    let first = processes();

    let lane = async |lane: usize| {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (lane as u64 + 1));
        let mut redirects = 0;
        for _ in 0..QUERIES / LANES {
            let query = mutated(&mut dice);
            let reply = Request::raw_get("/oauth/tiktok/callback?", &query).send(&world).await;
            let shown = String::from_utf8_lossy(&query).into_owned();
            match reply.status {
                303 => {
                    to_the_app(&world, &reply);
                    redirects += 1;
                }
                // Not HTTP, or longer than the gateway takes.
                400 | 414 | 431 => assert!(!reply.body.contains("x=1"), "{shown}: {reply:?}"),
                _ => panic!("{shown}: {reply:?}"),
            }
            assert_eq!(reply.header("set-cookie"), "", "{shown}: {reply:?}");
        }
        redirects
    };
    let redirects: usize = join_all((0..LANES).map(lane)).await.into_iter().sum();
    assert!(redirects > QUERIES / 2, "most queries get as far as the function: {redirects}");

    let last = processes();
    assert!(
        first.iter().all(|pid| last.contains(pid)) && last.len() <= LANES,
        "nothing was restarted: {first:?} {last:?}"
    );
    assert!(world.dump().is_empty());
    assert_eq!(world.dynamodb.calls(), Vec::<String>::new());
    assert_eq!(world.tiktok().total_calls(), 0);
    world.finish().await;
}

/// T27: a line break in any place makes no header.
#[tokio::test]
async fn t27_line_breaks_split_no_answer() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let token = world.local.issuer.mint(&ANA.claims());
    for broken in [
        "%0d%0aSet-Cookie:%20x=1",
        "%0aSet-Cookie:%20x=1",
        "%0dSet-Cookie:%20x=1",
        "%E5%98%8A%E5%98%8DSet-Cookie:%20x=1",
        "%00%0d%0a%0d%0a<html>",
    ] {
        let decoded = percent_encoding::percent_decode_str(broken).decode_utf8_lossy().into_owned();
        let mut requests = vec![
            Request::post(&format!("/ad-accounts/{}/activate", account.id))
                .json(json!({ "also": decoded }).to_string()),
            Request::post("/activations/complete").json(json!({ "ticket": decoded }).to_string()),
            Request::post(&format!("/ad-accounts/{}/validate", account.id))
                .json(json!({ decoded.as_str(): 1 }).to_string()),
            Request::post(&format!("/ad-accounts/{}/activate", account.id))
                .header("idempotency-key", broken)
                .json("{}"),
        ];
        let one_line = decoded.replace(['\r', '\n', '\0'], " ");
        for name in ["origin", "referer", "user-agent", "x-request-id", "x-amzn-trace-id", "cookie", "x-forwarded-for"]
        {
            requests.push(Request::get("/ad-accounts").header(name, broken));
            requests.push(Request::get("/ad-accounts").header(name, &one_line));
        }
        for path in [
            "/ad-accounts?status=X",
            "/ad-accounts?cursor=X",
            "/ad-accounts?X=1",
            "/ad-accounts/X",
            "/ad-accounts/X/history",
            "/activations/X",
            "/oauth/tiktok/callback?state=X&auth_code=abc",
            "/oauth/tiktok/callback?X=X",
            "/oauth/tiktok/callback?error=X&error_description=X",
        ] {
            requests.push(Request::get(&path.replace('X', broken)));
        }
        requests.push(Request::get(&format!("/oauth/tiktok/callback?state={STATE}&auth_code={broken}")));
        requests.push(Request::get(&format!("/oauth/tiktok/callback?state={STATE}&auth_code=abc&foo={broken}")));
        for request in requests {
            // That no header has a line break in it is checked as the answer is read.
            let reply = request.bearer(&token).send(&world).await;
            assert!(reply.status < 500, "{reply:?}");
            assert_eq!(reply.header("set-cookie"), "", "{reply:?}");
            let odd = |(name, value): &(String, String)| name.contains("cookie") || value.contains("Set-Cookie");
            assert!(!reply.headers.iter().any(odd) && !reply.body.contains("Set-Cookie"), "{reply:?}");
        }
    }
    world.finish().await;
}
