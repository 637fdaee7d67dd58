// Back from TikTok: the ticket is spent, the proof waited for, and the receipt shown, one line for each ad account.

import { load } from "./accounts.js";
import { activeAlready, forgetAttempts, lastAttempt, startActivation } from "./activate.js";
import { accountDetails, activation, complete, Problem } from "./api.js";
import { checklist, loadDetails, openDetails } from "./details.js";
import { fillFields } from "./list.js";
import { announce, go, set, state } from "./store.js";
import { button, Copy, Dialog, dialogTitle, h, name, problemBox } from "./ui.js";
import { CAUSES, causeTitle, count, gapText } from "./words.js";

/** @typedef {import("./api.js").Schemas} Schemas @typedef {import("./api.js").Activation} Activation */
/** @typedef {{phase: "completing" | "pending" | "final", id?: string, activation?: Activation, problem?: Problem, denied?: "consent_denied" | "link_invalid"}} Receipt */

const TICKET = "activation_ticket";
const DENIED = "activation_error";
/** TikTok may take its time. The service goes on without us; this is how often we look, in milliseconds. */
const SHORTEST_WAIT = 2_000;
const LONGEST_WAIT = 15_000;

export const isBackWithTicket = () =>
  sessionStorage.getItem(TICKET) !== null || sessionStorage.getItem(DENIED) !== null;

/** Takes up what TikTok sent the person back with. */
export async function finish() {
  const denied = sessionStorage.getItem(DENIED);
  if (denied) {
    sessionStorage.removeItem(DENIED);
    forgetAttempts();
    set({ receipt: { phase: "final", denied: denied === "consent_denied" ? denied : "link_invalid" } });
    return;
  }
  const ticket = sessionStorage.getItem(TICKET);
  if (!ticket) return;
  set({ receipt: { phase: "completing" } });
  try {
    const answer = await complete(ticket);
    sessionStorage.removeItem(TICKET);
    forgetAttempts();
    // From here on the address bar tells which activation it is, so that a reload shows it again.
    set({
      receipt: {
        phase: answer.outcome === "pending" ? "pending" : "final",
        id: answer.activation_id,
        ...("accounts" in answer && { activation: answer }),
      },
    });
    go({ activation: answer.activation_id }, { replace: true });
    ended();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // Only where the same ticket may still work is it worth keeping.
    if (!problem.isPassing && problem.code !== "not_authenticated") {
      sessionStorage.removeItem(TICKET);
      forgetAttempts();
    }
    set({ receipt: { phase: "final", problem } });
    announce(problem.title);
  }
}

let followed = "";

/** Shows one activation, and waits for its end. @param {string} id */
export async function follow(id) {
  if (state.receipt?.id === id && (state.receipt.phase === "final" || followed === id)) return;
  if (state.receipt?.id !== id) set({ receipt: { phase: "pending", id } });
  followed = id;
  let wait = SHORTEST_WAIT;
  while (state.receipt?.id === id && state.receipt.phase === "pending") {
    try {
      const answer = await activation(id);
      if (state.receipt?.id !== id) return;
      const isFinal = answer.outcome !== "pending";
      set({ receipt: { phase: isFinal ? "final" : "pending", id, activation: answer } });
      if (isFinal) return ended();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.isPassing) {
        set({ receipt: { phase: "final", id, problem } });
        return;
      }
    }
    await new Promise((later) => setTimeout(later, wait));
    wait = Math.min(wait * 1.5, LONGEST_WAIT);
  }
}

function ended() {
  if (state.receipt?.phase !== "final") return;
  announce(titleOf(state.receipt));
  void load();
  if (state.details) void loadDetails(state.details.id);
}

const close = () => {
  set({ receipt: null });
  if (state.view.activation) go({ activation: null }, { replace: true });
};

/** @param {string} id */
function showInActive(id) {
  close();
  go({ tab: "active", search: id, brand: "", market: "", partner: "", account: null });
  fillFields();
}

/** @param {string} id */
async function again(id) {
  const last = lastAttempt();
  close();
  if (last?.account.advertiser_id === id) return startActivation(last.account, last);
  try {
    const account = await accountDetails(id);
    await startActivation(account, { isRenewal: account.status === "active" });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    openDetails(id);
  }
}

/** Somebody was quicker, in another tab for instance. @param {Problem} problem */
const isActiveAlready = ({ code }) => code === "already_active";

/** @param {Receipt} receipt */
function titleOf({ phase, activation, problem, denied }) {
  if (denied) return denied === "consent_denied" ? "Cancelled at TikTok" : "This link cannot be used";
  if (problem) return isActiveAlready(problem) ? "Active already" : "Not reconnected";
  if (phase === "completing") return "Reconnecting";
  switch (activation?.outcome) {
    case "reconnected":
      return "Reconnected";
    case "waiting":
      return "Not finished at TikTok yet";
    case "refused":
    case "gave_up":
      return "Not reconnected";
    default:
      return "Still working on it";
  }
}

/** @param {Receipt} receipt */
export function receiptView(receipt) {
  const { phase, activation, problem, denied } = receipt;
  return h(Dialog, { id: "receipt", key: "receipt", onClose: close }, [
    dialogTitle("receipt", titleOf(receipt)),
    phase === "completing" &&
      h(
        "p",
        { role: "status", class: "busy" },
        "Proving that the new connection works: both permissions, the Admin, the Business Center, the owner. This takes a few seconds.",
      ),
    phase === "pending" &&
      h(
        "p",
        { role: "status", class: "busy" },
        "TikTok has not answered everything yet. You need not wait: we go on by ourselves, and it ends within 15 minutes.",
      ),
    denied && deniedBox(denied),
    problem && (isActiveAlready(problem) ? activeAlready() : problemBox(problem)),
    activation && phase === "final" && outcome(activation),
    h("footer", null, [...steps(receipt), button({ label: phase === "final" ? "Done" : "Close", onClick: close })]),
  ]);
}

/** @param {"consent_denied" | "link_invalid"} denied */
const deniedBox = (denied) =>
  h(
    "div",
    { class: "box", role: "alert" },
    denied === "consent_denied"
      ? [
          h("strong", null, causeTitle("consent_denied")),
          h("p", null, "Nothing was changed. Choose Activate again, and press Confirm on TikTok's page."),
        ]
      : [
          h("strong", null, "TikTok sent you back with something that does not fit"),
          h("p", null, "Nothing was changed. Choose Activate again, and finish at TikTok in the same browser."),
        ],
  );

/** @param {Activation} activation */
function outcome({ advertiser_id, outcome, authorized_by, cause, title, explanation, remedy, findings, accounts }) {
  const good = accounts.filter((line) => line.outcome === "reconnected");
  const last = lastAttempt();
  const isRenewal = last?.account.advertiser_id === advertiser_id && last.isRenewal;
  return [
    outcome === "reconnected" &&
      h("p", null, [
        `${count(good.length, "ad account")} reconnected`,
        authorized_by && [", authorized at TikTok by ", name(authorized_by)],
        ".",
      ]),
    title &&
      h("div", { class: "box bad", role: "alert" }, [
        h("strong", null, title),
        explanation && h("p", null, explanation),
        remedy && h("p", null, [h("b", null, "What to do: "), remedy]),
      ]),
    title && isRenewal && h("p", null, "The connection that the ad account had before was not touched."),
    outcome === "waiting" &&
      h("p", null, "The page at TikTok is still open, or was left. Go back to it, or begin again."),
    accounts.length > 0 &&
      h(
        "ul",
        { class: "receipt" },
        accounts.map((one) => line(one, cause)),
      ),
    findings &&
      findings.length > 0 &&
      h("details", null, [h("summary", null, "What was checked"), checklist(findings)]),
  ];
}

/** @param {Schemas["ReceiptLine"]} line @param {Schemas["CauseCode"] | undefined} told the cause that is explained above already */
const line = ({ advertiser_id, name: shown, outcome, gap, cause, remedy }, told) =>
  h("li", { key: advertiser_id, "data-account": advertiser_id }, [
    h(
      "span",
      { class: `mark ${outcome === "reconnected" ? "passed" : "failed"}`, "aria-hidden": "true" },
      outcome === "reconnected" ? "✓" : "✕",
    ),
    h("div", null, [
      h("strong", null, [name(shown), " ", h("code", null, advertiser_id)]),
      outcome === "reconnected"
        ? h("p", null, ["Active. ", gap ? `Data to fetch again: ${gapText(gap)}.` : "No data are missing."])
        : [
            h("p", null, cause ? causeTitle(cause) : "Not reconnected"),
            remedy && cause !== told && h("p", null, [h("b", null, "What to do: "), remedy]),
          ],
    ]),
  ]);

/** The one right next step. @param {Receipt} receipt */
function steps({ phase, activation, problem, denied }) {
  if (phase !== "final") return [];
  if (problem?.isPassing) return [button({ label: "Try again", onClick: finish, isMain: true })];
  const id = activation?.advertiser_id ?? lastAttempt()?.account.advertiser_id;
  if (!id) return [];
  const show = button({ label: "Show account", onClick: () => (close(), openDetails(id)) });
  const moved = button({ label: "Show in Active", onClick: () => showInActive(id), isMain: true });
  const begin = button({ label: "Activate again", onClick: () => again(id), isMain: true });
  if (problem) return isActiveAlready(problem) ? [moved] : isOver(problem) ? [begin] : [];
  if (denied || activation?.outcome === "waiting") return [begin];
  if (activation?.outcome === "reconnected") return [moved];
  if (activation?.outcome === "gave_up") return [begin];
  switch (activation?.cause && CAUSES[activation.cause]?.[1]) {
    case "again":
      return [begin];
    case "ask":
      return [
        h(Copy, {
          text: messageFor(activation),
          label: "Copy a message for the Admin",
          shown: "Copy a message for the Admin",
        }),
        show,
      ];
    case "support":
      return [
        h(
          "a",
          {
            class: "button",
            href: `mailto:support@creativex.com?subject=${encodeURIComponent(`TikTok ad account ${id}`)}&body=${encodeURIComponent(messageFor(activation))}`,
          },
          "Write to support",
        ),
      ];
    default:
      return [show];
  }
}

/** A new attempt may end better. @param {Problem} problem */
const isOver = ({ code }) => ["link_expired", "ticket_invalid", "not_your_activation"].includes(code);

/** What the person who can fix it needs to know. @param {Activation | undefined} activation */
function messageFor(activation) {
  const line = activation?.accounts.find((one) => one.advertiser_id === activation.advertiser_id);
  return [
    `TikTok ad account ${line ? `“${line.name}” ` : ""}(Account ID ${activation?.advertiser_id}) does not feed CreativeX with data.`,
    activation?.title && `${activation.title}. ${activation.explanation ?? ""}`,
    activation?.remedy,
  ]
    .filter(Boolean)
    .join("\n\n");
}
