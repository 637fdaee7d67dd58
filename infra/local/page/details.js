// The details of one ad account: why it lapsed, who can fix it, what TikTok said, which data are missing, what happened.

import { noteAccount } from "./accounts.js";
import { startActivation } from "./activate.js";
import { accountDetails, accountHistory, Problem, validate } from "./api.js";
import { gapStrip } from "./gap.js";
import { announce, go, set, state } from "./store.js";
import { ago, answerMark, button, Copy, Dialog, dialogTitle, h, name, problemBox, unseen } from "./ui.js";
import { causeTitle, CHECKS, count, EVENTS, FIXERS, gapText, riskTextOf, STATUS, timeText } from "./words.js";

/** @typedef {import("./api.js").Details} Details @typedef {import("./api.js").Schemas} Schemas */

/**
 * @typedef {object} Sheet
 * @property {string} id
 * @property {Details} [account]
 * @property {Schemas["HistoryEntry"][]} history
 * @property {string} [more] where the history goes on
 * @property {Problem} [problem] why there is nothing to see
 * @property {"running" | Schemas["ValidateResult"] | Problem} [check] what *Check now* came to
 */

/** @param {string} id */
export function openDetails(id, { check = false } = {}) {
  go({ account: id });
  if (check) void checkNow(id);
}

function closeDetails() {
  // Back, where that leads to the list: so Back does not open it again afterwards.
  if (state.details && history.state?.opened === state.details.id) history.back();
  else go({ account: null });
}

/** What the sheet shows now, if it still shows this ad account. @param {string} id @param {Partial<Sheet>} change */
function change(id, change) {
  if (state.details?.id === id) set({ details: { ...state.details, ...change } });
}

/** @param {string} id */
export async function loadDetails(id) {
  if (state.details?.id !== id) set({ details: { id, history: [] } });
  try {
    const [account, { history, next_cursor }] = await Promise.all([accountDetails(id), accountHistory(id)]);
    change(id, { account, history, more: next_cursor, problem: undefined });
    noteAccount(account);
  } catch (problem) {
    if (problem instanceof Problem) change(id, { problem });
    else throw problem;
  }
}

/** @param {string} id */
async function checkNow(id) {
  change(id, { check: "running" });
  announce("Asking TikTok");
  try {
    const result = await validate(id);
    await loadDetails(id);
    change(id, { check: result });
  } catch (problem) {
    if (problem instanceof Problem) change(id, { check: problem });
    else throw problem;
  }
}

/** @param {string} id @param {string} cursor */
async function loadOlder(id, cursor) {
  try {
    const page = await accountHistory(id, cursor);
    change(id, { history: [...(state.details?.history ?? []), ...page.history], more: page.next_cursor });
  } catch (problem) {
    if (problem instanceof Problem) await loadDetails(id);
    else throw problem;
  }
}

/** @param {Sheet} sheet */
export function detailsView(sheet) {
  const { account, problem } = sheet;
  const close = button({ label: "Close", onClick: closeDetails });
  const body = problem
    ? [
        dialogTitle("details", ["Ad account ", sheet.id]),
        problemBox(problem, problem.isPassing && button({ label: "Try again", onClick: () => loadDetails(sheet.id) })),
        h("footer", null, close),
      ]
    : account
      ? [...content(account, sheet), h("footer", null, [...actions(account, sheet), close])]
      : [
          dialogTitle("details", ["Ad account ", sheet.id]),
          h("p", { role: "status", class: "skeleton" }, [
            unseen("Loading"),
            h("span", null),
            h("span", null),
            h("span", null),
          ]),
          h("footer", null, close),
        ];
  return h(Dialog, { id: "details", key: "details", onClose: closeDetails, closesOutside: true }, body);
}

/** @param {Details} account @param {Sheet} sheet */
function actions(account, { check }) {
  if (!state.session?.isManager) return [];
  const isActive = account.status === "active";
  const isRunning = check === "running";
  return [
    button({
      label: isActive ? "Renew connection" : "Activate",
      onClick: () => startActivation(account, { isRenewal: isActive }),
      isMain: !isActive,
    }),
    button({
      label: isRunning ? "Asking TikTok…" : "Check now",
      onClick: () => checkNow(account.advertiser_id),
      isBusy: isRunning,
    }),
  ];
}

/** @param {Details} account @param {Sheet} sheet */
function content(account, sheet) {
  const { advertiser_id: id, business_center: center, status } = account;
  return [
    dialogTitle("details", name(account.name)),
    h("p", { class: "under" }, [
      h("span", { class: `pill ${status === "active" ? "good" : "bad"}` }, STATUS[status]),
      h("span", { class: "id" }, [
        "Account ID ",
        h("code", null, id),
        h(Copy, { text: id, label: `Copy Account ID ${id}` }),
      ]),
    ]),
    sheet.check && sheet.check !== "running" && checked(sheet.check),
    account.causes.length > 0 && section("Why it needs connecting", account.causes.map(cause)),
    account.at_risk.length > 0 &&
      section(
        "At risk",
        h(
          "ul",
          null,
          account.at_risk.map((risk) => h("li", { key: risk }, riskTextOf(risk, account.findings))),
        ),
      ),
    section("Business Center", [
      center.name && h("p", null, name(center.name)),
      h("p", { class: "id" }, [
        "Business Center ID ",
        h("code", null, center.id),
        h(Copy, { text: center.id, label: "Copy Business Center ID" }),
      ]),
      h(
        "p",
        { class: "hint" },
        "It is the one that the ad account was first connected from, and stays the same. In TikTok's Business Center, under Ad accounts, this one must read “Owned by this Business Center”.",
      ),
    ]),
    section("TikTok authorization", authorization(account)),
    section("Checks", checklist(account.findings)),
    account.gap && section("Data gap", gapStrip(account.gap, status)),
    section("History", timeline(sheet)),
    h("p", { class: "hint" }, [
      "Questions? Write to ",
      h(
        "a",
        { href: `mailto:${account.support}?subject=${encodeURIComponent(`TikTok ad account ${id}`)}` },
        account.support,
      ),
      ".",
    ]),
  ];
}

/** @param {string} title @param {any} body */
const section = (title, body) => h("section", { key: title }, [h("h3", null, title), body]);

/** @param {Schemas["ValidateResult"] | Problem} result */
function checked(result) {
  if (result instanceof Problem) return problemBox(result);
  const texts = {
    connected: ["good", "Everything works", "TikTok answered just now, and the ad account is connected."],
    lapsed: ["bad", "It does not work", "TikTok answered just now. What is wrong and what to do is below."],
    undecided: [
      "",
      "We cannot tell at the moment",
      "TikTok did not answer everything, so nothing was changed. Try again later.",
    ],
  };
  const [kind, title, text] = texts[result.verdict];
  return h("div", { class: `box ${kind}`, role: "status", key: "checked" }, [
    h("strong", null, title),
    h("p", null, text),
  ]);
}

/** @param {Schemas["Cause"]} cause */
const cause = (cause) =>
  h("article", { class: "box bad", key: cause.cause }, [
    h("strong", null, cause.title),
    h("p", null, cause.explanation),
    h("p", null, [h("b", null, "What to do: "), cause.remedy]),
    h("p", { class: "hint" }, `Who can fix it: ${FIXERS[cause.fixable_by]}.`),
    cause.consent_helps === "no" && h("p", { class: "hint" }, "Signing in to TikTok again does not help by itself."),
  ]);

/** @param {Details} account */
function authorization({ grant, connected_by, last_proven_at }) {
  const rows = [
    connected_by && ["Connected in CreativeX by", name(connected_by)],
    grant?.authorized_by && ["Authorized at TikTok by", name(grant.authorized_by)],
    grant && ["Authorized", [timeText(grant.granted_at), " (", ago(grant.granted_at), ")"]],
    grant && ["Permissions", grant.permissions.length ? grant.permissions.join(", ") : "none"],
    grant && ["Used by", count(grant.ad_accounts, "ad account")],
    last_proven_at && ["Last proven to work", ago(last_proven_at)],
  ].filter((row) => Array.isArray(row));
  if (rows.length === 0) return h("p", null, "CreativeX holds no TikTok authorization for this ad account.");
  return [
    !grant && h("p", null, "CreativeX holds no TikTok authorization for this ad account."),
    h(
      "dl",
      null,
      rows.map(([term, value]) => h("div", { key: String(term) }, [h("dt", null, term), h("dd", null, value)])),
    ),
  ];
}

/** @param {Schemas["Finding"][]} findings */
export function checklist(findings) {
  const byCheck = new Map(findings.map((finding) => [finding.check, finding]));
  const checks = /** @type {(keyof typeof CHECKS)[]} */ (Object.keys(CHECKS));
  return h(
    "ul",
    { class: "checks" },
    checks.map((check) => {
      const finding = byCheck.get(check);
      if (!finding)
        return h("li", { key: check, class: "none" }, [
          h("span", { class: "mark" }, [h("span", { "aria-hidden": "true" }, "–"), unseen("Not asked: ")]),
          CHECKS[check],
        ]);
      return h("li", { key: check }, [
        answerMark(finding.answer),
        h("div", null, [CHECKS[check], finding.evidence.length > 0 && evidence(finding.evidence)]),
      ]);
    }),
  );
}

/** @param {Schemas["Evidence"][]} evidence */
const evidence = (evidence) =>
  h("details", null, [
    h("summary", null, ["TikTok's answer, ", ago(evidence[0].asked_at)]),
    h(
      "ul",
      null,
      evidence.map(({ endpoint, code, request_id, asked_at }) =>
        h("li", { key: `${endpoint}${asked_at}${request_id}` }, [
          h("code", null, endpoint),
          code === undefined ? ": no usable answer" : [": code ", h("code", null, String(code))],
          request_id && [", request ", h("code", null, request_id)],
          ", ",
          timeText(asked_at),
        ]),
      ),
    ),
  ]);

/** @param {Sheet} sheet */
function timeline({ id, history, more }) {
  if (history.length === 0) return h("p", null, "Nothing has happened yet.");
  return [
    h(
      "ol",
      { class: "timeline" },
      history.map((entry) =>
        h("li", { key: entry.event_id, class: entry.kind }, [
          h("strong", null, EVENTS[entry.kind] ?? entry.kind),
          h("time", { dateTime: entry.occurred_at }, timeText(entry.occurred_at)),
          entry.cause && h("span", null, causeTitle(entry.cause)),
          entry.by && h("span", null, ["by ", name(entry.by)]),
          entry.gap && h("span", null, `Data to fetch again: ${gapText(entry.gap)}`),
        ]),
      ),
    ),
    more && button({ label: "Show older", onClick: () => loadOlder(id, more) }),
  ];
}
