// Activate: what is known already, what to look for at TikTok, and then TikTok, in the same tab.

import { noteAccount } from "./accounts.js";
import { accountDetails, activate, listAccounts, Problem } from "./api.js";
import { set, state } from "./store.js";
import { answerMark, button, Copy, Dialog, dialogTitle, h, name, problemBox } from "./ui.js";
import { clockText, count } from "./words.js";

/** @typedef {import("./api.js").Schemas} Schemas @typedef {{advertiser_id: string, name: string}} Named */

/**
 * @typedef {object} Attempt
 * @property {Named} account
 * @property {boolean} isRenewal whether it works, and is to be connected anew all the same
 * @property {boolean} force go on although the service would not advise it
 * @property {"asking" | "ready" | "refused" | "leaving"} phase
 * @property {Schemas["ActivationStarted"]} [started]
 * @property {Problem} [problem]
 * @property {boolean} also whether the others of the Business Center are to be reconnected with the same consent
 * @property {{number: number, isMore: boolean}} [others] lapsed ad accounts of the same Business Center, this one left out
 */

/** So many pages of lapsed ad accounts are looked through for the others of a Business Center. */
const MOST_PAGES = 10;
/** A link this near to its end is not worth starting with. */
const LEAST_LEFT = 5 * 60_000;
/** What was begun last, for when the person comes back. */
const KEPT = "attempt";

/** @param {Named} account */
export async function startActivation({ advertiser_id, name }, { isRenewal = false } = {}) {
  set({ activate: { account: { advertiser_id, name }, isRenewal, force: isRenewal, phase: "asking", also: false } });
  const started = await ask(isRenewal);
  if (started) await countOthers(started.preflight.business_center.id);
}

/** What was begun last in this tab. @returns {{account: Named, isRenewal: boolean, search: string} | null} */
export const lastAttempt = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

/** Whatever comes next is a new attempt, not a repetition. */
export function forgetAttempts() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("begun ")) sessionStorage.removeItem(key);
}

/** @param {Partial<Attempt>} change */
function change(change) {
  if (state.activate) set({ activate: { ...state.activate, ...change } });
}

const close = () => set({ activate: null });

/** Starts an activation; refused, the dialog says why. @param {boolean} force */
async function ask(force) {
  const attempt = state.activate;
  if (!attempt) return null;
  const { account, also } = attempt;
  change({ phase: "asking", force, problem: undefined });
  const begun = `begun ${account.advertiser_id} ${also} ${force}`;
  try {
    const started = await activate(
      account.advertiser_id,
      { ...(also && { also: "business_center" }), force },
      keyOf(begun),
    );
    if (state.activate?.account !== account) return null;
    sessionStorage.setItem(begun, JSON.stringify({ key: keyOf(begun), expires_at: started.expires_at }));
    change({ phase: "ready", started });
    return started;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    change({ phase: "refused", problem });
    if (problem.code === "already_active") noteAccount(await accountDetails(account.advertiser_id));
    return null;
  }
}

/** Opening the dialog twice is one activation, as long as its link lives. @param {string} begun */
function keyOf(begun) {
  const before = JSON.parse(sessionStorage.getItem(begun) ?? "null");
  if (before && (!before.expires_at || Date.parse(before.expires_at) - Date.now() > LEAST_LEFT)) return before.key;
  const key = crypto.randomUUID();
  // Kept at once: a repetition of a call whose answer was lost is a repetition too.
  sessionStorage.setItem(begun, JSON.stringify({ key }));
  return key;
}

/** @param {string} center */
async function countOthers(center) {
  const attempt = state.activate;
  let number = 0;
  /** @type {string | undefined} */
  let cursor;
  try {
    for (let page = 0; page < MOST_PAGES && (page === 0 || cursor); page++) {
      const all = await listAccounts(
        { tab: "needs_connecting", search: "", brand: "", market: "", partner: "" },
        { limit: 100, cursor },
      );
      number += all.accounts.filter(
        (row) => row.business_center_id === center && row.advertiser_id !== attempt?.account.advertiser_id,
      ).length;
      cursor = all.next_cursor;
    }
  } catch {
    // Then the choice is not offered: the activation goes on without.
    return;
  }
  if (state.activate?.account === attempt?.account) change({ others: { number, isMore: Boolean(cursor) } });
}

async function leave() {
  const attempt = state.activate;
  if (!attempt?.started) return;
  // The choice was made after the link was: it needs one of its own.
  const started = attempt.also ? await ask(attempt.force) : attempt.started;
  if (!started) return;
  change({ phase: "leaving" });
  sessionStorage.setItem(
    KEPT,
    JSON.stringify({ account: attempt.account, isRenewal: attempt.isRenewal, search: location.search }),
  );
  location.assign(started.authorization_url);
}

/** Whoever comes back with the browser's Back finds the dialog as it was. */
export function isBackFromTikTok() {
  if (state.activate?.phase === "leaving") change({ phase: "ready" });
}

/** @param {Attempt} attempt */
export function activateView(attempt) {
  const { account, phase, problem, started, isRenewal } = attempt;
  const title = dialogTitle("activate", [isRenewal ? "Renew the connection of " : "Activate ", name(account.name)]);
  return h(Dialog, { id: "activate", key: "activate", onClose: close }, [
    title,
    h("p", { class: "under id" }, ["Account ID ", h("code", null, account.advertiser_id)]),
    phase === "asking" && h("p", { role: "status", class: "busy" }, "Asking TikTok what is known already…"),
    phase === "refused" && problem && refused(problem, attempt.force),
    (phase === "ready" || phase === "leaving") && started && ready(attempt, started),
    h("footer", null, [
      (phase === "ready" || phase === "leaving") &&
        button({
          label: phase === "leaving" ? "Opening TikTok…" : "Continue to TikTok",
          onClick: leave,
          isMain: true,
          isBusy: phase === "leaving",
        }),
      button({ label: phase === "refused" ? "Close" : "Cancel", onClick: close }),
    ]),
  ]);
}

/** @param {Problem} problem @param {boolean} force */
function refused(problem, force) {
  switch (problem.code) {
    case "consent_cannot_help":
      return problemBox(
        problem,
        h("p", null, button({ label: "Continue to TikTok anyway", onClick: () => ask(true) })),
      );
    case "already_active":
      return activeAlready();
    default:
      return problemBox(problem, problem.isPassing && button({ label: "Try again", onClick: () => ask(force) }));
  }
}

/** No failure, although nothing was done. */
export const activeAlready = () =>
  h("div", { class: "box good", role: "status" }, [
    h("strong", null, "This ad account is active already"),
    h("p", null, "Somebody has reconnected it, or it works again by itself. There is nothing left to do."),
  ]);

/** @param {Attempt} attempt @param {Schemas["ActivationStarted"]} started */
function ready({ account, also, others, phase }, { preflight, expires_at }) {
  const { business_center: center, fixers, checklist, verdict } = preflight;
  const shown = center.name ?? center.id;
  // What is not known yet is what the steps are about.
  const known = checklist.filter(({ answer }) => answer !== "inconclusive");
  return [
    h("h3", null, "What to do at TikTok"),
    h("ol", { class: "steps" }, [
      h("li", null, [
        "Sign in as an Admin of ",
        h("b", null, name(shown)),
        ".",
        fixers.length > 0 && [" Admins that we know of: ", list(fixers), "."],
        " If TikTok signs you in with another login by itself, sign out there first, or open the link in a private window.",
      ]),
      h("li", null, [
        "At the top right, choose the Business Center ",
        h("b", null, name(shown)),
        center.name && [" (", h("code", null, center.id), ")"],
        ". ",
        h(Copy, { text: center.id, label: "Copy Business Center ID" }),
      ]),
      h("li", null, [
        "Keep ",
        h("b", null, "Ad Account Management"),
        " and ",
        h("b", null, "Reporting"),
        " switched on.",
      ]),
      h("li", null, ["Leave ", h("b", null, name(account.name)), " ticked, and the others too."]),
      h("li", null, "TikTok may send you a code by e-mail or text message. Type it in where TikTok asks for it."),
      h("li", null, ["Press ", h("b", null, "Confirm"), `. The link works until ${clockText(expires_at)}.`]),
    ]),
    others &&
      others.number > 0 &&
      h("label", { class: "choice" }, [
        h("input", {
          type: "checkbox",
          checked: also,
          disabled: phase === "leaving",
          onChange: () => change({ also: !also }),
        }),
        h(
          "span",
          null,
          `Also reconnect the ${others.isMore ? "more than " : ""}${count(others.number, "other lapsed ad account")} of this Business Center`,
        ),
      ]),
    h("h3", null, "What we know already"),
    verdict === "unknown" &&
      h("p", null, "TikTok did not tell everything in time. You can go on: everything is checked when you come back."),
    known.length > 0
      ? h(
          "ul",
          { class: "checks" },
          known.map(({ check, answer, text }) => h("li", { key: check }, [answerMark(answer), h("div", null, text)])),
        )
      : h("p", { class: "hint" }, "Nothing that stands in the way."),
  ];
}

/** @param {string[]} people */
const list = (people) => people.map((person, nth) => [nth > 0 && ", ", name(person)]);
