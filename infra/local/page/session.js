// Who is signed in. In the CreativeX web app this is the app's own sign-in; here, the local world hands out tokens to whoever asks.
// A token is held in memory only. What survives a reload is who it was for.

/** @typedef {{sub: string, name: string, organisation: string, may: "manage" | "look", reaches: string}} Person */

const KEPT = "signed_in_as";

/** @type {{token: string, sub: string, name: string, isManager: boolean} | null} */
let current = null;

export const signedIn = () => current;

/** @returns {Promise<Person[]>} */
export async function people() {
  const answer = await fetch("/local/people").catch(() => null);
  return answer?.ok ? answer.json() : [];
}

/** @param {string} sub */
export async function signIn(sub) {
  const answer = await fetch(`/local/token/${encodeURIComponent(sub)}`);
  if (!answer.ok) {
    signOut();
    return null;
  }
  const token = await answer.text();
  const claims = claimsOf(token);
  // Only to decide what to show: what the person may do is decided by the API.
  const isManager = claims.scope.split(" ").includes("ad-accounts:manage");
  current = { token, sub, name: claims.name ?? sub, isManager };
  sessionStorage.setItem(KEPT, sub);
  return current;
}

/** Takes up the session of before a reload, or of before TikTok; or gets a new token, once the present one is refused. */
export async function resume() {
  const sub = current?.sub ?? sessionStorage.getItem(KEPT);
  return sub ? signIn(sub).catch(() => null) : null;
}

export function signOut() {
  current = null;
  sessionStorage.clear();
}

/** @param {string} token @returns {{scope: string, name?: string}} */
function claimsOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
