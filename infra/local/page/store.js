// The state of the page, in one object. What it shows follows from it and from the address bar, which holds the view.

/** @typedef {import("./api.js").Account} Account @typedef {import("./api.js").Filter} Filter @typedef {import("./api.js").Problem} Problem */
/** @typedef {Filter & {account: string | null, activation: string | null}} View */
/** @typedef {{accounts: Account[], cursor?: string, phase: "loading" | "ready" | "more" | "failed", problem?: Problem, elsewhere: boolean}} List */

/** @type {{
 *   view: View,
 *   session: ReturnType<typeof import("./session.js").signedIn>,
 *   people: import("./session.js").Person[] | null,
 *   counts: {active: number, needs_connecting: number} | null,
 *   list: List,
 *   details: import("./details.js").Sheet | null,
 *   activate: import("./activate.js").Attempt | null,
 *   receipt: import("./receipt.js").Receipt | null,
 *   menu: {account: Account, button: HTMLElement} | null,
 * }} */
export const state = {
  view: readView(),
  session: null,
  people: null,
  counts: null,
  list: { accounts: [], phase: "loading", elsewhere: false },
  details: null,
  activate: null,
  receipt: null,
  menu: null,
};

let draw = () => {};
let follow = () => {};
let isAsked = false;

/** @param {() => void} render @param {() => void} onView called when another view is gone to */
export function begin(render, onView) {
  draw = render;
  follow = onView;
}

/** Changes the state; the page follows. @param {Partial<typeof state>} change */
export function set(change) {
  Object.assign(state, change);
  redraw();
}

export function redraw() {
  if (isAsked) return;
  isAsked = true;
  queueMicrotask(() => {
    isAsked = false;
    draw();
  });
}

/** @returns {View} */
export function readView() {
  const query = new URLSearchParams(location.search);
  const text = (/** @type {string} */ name) => query.get(name) ?? "";
  return {
    tab: query.get("tab") === "active" ? "active" : "needs_connecting",
    search: text("search"),
    brand: text("brand"),
    market: text("market"),
    partner: text("partner"),
    account: query.get("account"),
    activation: query.get("activation"),
  };
}

/** Goes to another view. Typing replaces the present entry of the browser's history, a click adds one. @param {Partial<View>} change */
export function go(change, { replace = false } = {}) {
  const view = { ...state.view, ...change };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value && !(name === "tab" && value === "needs_connecting")) query.set(name, value);
  }
  const address = query.size ? `?${query}` : location.pathname;
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ opened: change.account ?? null }, "", address);
  set({ view });
  follow();
}

/** Says something to those who do not see it. @param {string} text */
export function announce(text) {
  announcer().textContent = "";
  // A text that is there already is not read again.
  setTimeout(() => (announcer().textContent = text), 50);
}

/** While a dialog is open nothing outside of it is read aloud: it has an announcer of its own. */
function announcer() {
  const inDialogs = document.querySelectorAll("dialog:modal .announcer");
  return inDialogs[inDialogs.length - 1] ?? /** @type {HTMLElement} */ (document.getElementById("announcer"));
}
