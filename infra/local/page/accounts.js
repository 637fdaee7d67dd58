// The ad accounts that are to be seen: loaded page by page, and kept up with what is learnt about one of them.

import { listAccounts, Problem } from "./api.js";
import { announce, set, state } from "./store.js";
import { count } from "./words.js";

/** @typedef {import("./api.js").Account} Account @typedef {import("./api.js").Filter} Filter */

/** The first page is short, to be there soon. Who scrolls on gets as much at a time as the API gives. */
const MOST = 100;

let asking = new AbortController();
let loadedAt = 0;

/** @returns {Filter} */
const filter = () => state.view;
export const isFiltered = () =>
  Boolean(state.view.search || state.view.brand || state.view.market || state.view.partner);

/** Loads the first page of what is to be seen. What is there stays while it is looked for, unless it is of the other tab. */
export async function load() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const isSameTab = state.list.accounts[0]?.status === state.view.tab;
  set({ list: { accounts: isSameTab ? state.list.accounts : [], phase: "loading", elsewhere: false } });
  try {
    const page = await listAccounts(filter(), { signal });
    const isNowhere = page.accounts.length === 0 && isFiltered();
    const elsewhere =
      isNowhere && (await listAccounts({ ...filter(), tab: otherTab() }, { limit: 1, signal })).accounts.length > 0;
    loadedAt = Date.now();
    set({
      list: { accounts: page.accounts, cursor: page.next_cursor, phase: "ready", elsewhere },
      counts: page.counts,
    });
    if (isFiltered())
      announce(`${count(page.accounts.length, "ad account")} found${page.next_cursor ? ", and more" : ""}`);
  } catch (problem) {
    // A request that was given up, because something else is to be seen now, is no failure.
    if (!signal.aborted) failed(problem);
  }
}

export async function loadMore() {
  const { list } = state;
  if (list.phase === "loading" || list.phase === "more" || !list.cursor) return;
  const { signal } = asking;
  set({ list: { ...list, phase: "more" } });
  try {
    const page = await listAccounts(filter(), { limit: MOST, cursor: list.cursor, signal });
    const accounts = [...state.list.accounts, ...page.accounts];
    set({ list: { ...state.list, accounts, cursor: page.next_cursor, phase: "ready" }, counts: page.counts });
  } catch (problem) {
    // It was open for too long to go on where it was.
    if (problem instanceof Problem && problem.code === "cursor_invalid") await load();
    else if (!signal.aborted) failed(problem);
  }
}

/** @param {unknown} problem */
function failed(problem) {
  if (!(problem instanceof Problem)) throw problem;
  set({ list: { ...state.list, phase: "failed", problem } });
}

/** Takes over what is new about one ad account, without losing the place in the list. @param {Account} account */
export function noteAccount(account) {
  const before = state.list.accounts.find((row) => row.advertiser_id === account.advertiser_id);
  if (!before || before.version === account.version) return;
  const accounts = state.list.accounts.flatMap((row) => {
    if (row !== before) return [row];
    return account.status === state.view.tab ? [account] : [];
  });
  set({ list: { ...state.list, accounts } });
  if (before.status !== account.status) void refreshCounts();
}

async function refreshCounts() {
  try {
    set({ counts: (await listAccounts(filter(), { limit: 1 })).counts });
  } catch {
    // The badges are a moment old then.
  }
}

/** Somebody is back at this page: what is on it may be old. */
export function refreshIfOld() {
  const isShort = state.list.accounts.length <= 50;
  if (state.session && Date.now() - loadedAt > 30_000) void (isShort ? load() : refreshCounts());
}

export const otherTab = () => (state.view.tab === "active" ? "needs_connecting" : "active");
