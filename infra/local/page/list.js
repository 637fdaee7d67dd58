// The list: tabs, search, filters, and one row for each ad account, page by page as one scrolls.

import { isFiltered, load, loadMore, otherTab } from "./accounts.js";
import { startActivation } from "./activate.js";
import { openDetails } from "./details.js";
import { go, set, state } from "./store.js";
import { ago, button, Component, Copy, h, Menu, name, problemBox, unseen } from "./ui.js";
import { causeTitle, riskText, STATUS } from "./words.js";

/** @typedef {import("./api.js").Account} Account @typedef {import("./api.js").Filter} Filter */

const TABS = /** @type {const} */ (["needs_connecting", "active"]);
const FILTERS = /** @type {const} */ (["brand", "market", "partner"]);

/** Puts the view into the fields, when it did not come from there. While somebody types they are left alone. */
export function fillFields() {
  for (const field of /** @type {const} */ (["search", ...FILTERS])) {
    const input = /** @type {HTMLInputElement | null} */ (document.getElementById(field));
    if (input) input.value = state.view[field];
  }
}

export function listView() {
  return h("main", null, [
    h("h1", null, "Ad Accounts"),
    h("div", { class: "bar" }, [tabs(), search(), filters()]),
    h("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${state.view.tab}` }, panel()),
    state.menu && rowMenu(state.menu),
  ]);
}

function tabs() {
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    // Of two tabs, each arrow leads to the other.
    /** @type {Record<string, Filter["tab"]>} */
    const tabs = { ArrowLeft: otherTab(), ArrowRight: otherTab(), Home: TABS[0], End: TABS[1] };
    const tab = tabs[event.key];
    if (!tab) return;
    event.preventDefault();
    if (tab !== state.view.tab) go({ tab });
    document.getElementById(`tab-${tab}`)?.focus();
  };
  return h(
    "div",
    { role: "tablist", "aria-label": "Status", onKeyDown },
    TABS.map((tab) => {
      const number = state.counts?.[tab];
      const isSelected = state.view.tab === tab;
      const needsAttention = tab === "needs_connecting" && Boolean(number);
      const properties = {
        key: tab,
        id: `tab-${tab}`,
        type: "button",
        role: "tab",
        class: needsAttention ? "attention" : "",
        "aria-selected": isSelected,
        "aria-controls": "panel",
        tabIndex: isSelected ? 0 : -1,
        onClick: () => go({ tab }),
      };
      const badge = number !== undefined && h("span", { class: "badge" }, number.toLocaleString("en"));
      return h("button", properties, [
        `${STATUS[tab]} `,
        badge,
        needsAttention && h("span", { class: "alarm", "aria-hidden": "true" }, "!"),
      ]);
    }),
  );
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;

function search() {
  /** @param {Event} event */
  const onInput = ({ currentTarget }) => {
    const typed = /** @type {HTMLInputElement} */ (currentTarget).value;
    clearTimeout(typing);
    // Pasted ids bring spaces and line ends along, which are no part of them.
    typing = setTimeout(() => go({ search: typed.replace(/\p{Cc}+/gu, " ").trim() }, { replace: true }), 200);
  };
  return h("search", { class: "search" }, [
    h("label", { for: "search" }, "Search by Account ID"),
    h("input", {
      id: "search",
      type: "search",
      placeholder: "Account ID or name",
      autocomplete: "off",
      spellcheck: false,
      maxLength: 100,
      defaultValue: state.view.search,
      onInput,
    }),
  ]);
}

function filters() {
  return FILTERS.map((kind) => {
    const label = kind[0].toUpperCase() + kind.slice(1);
    const known = new Set(state.list.accounts.map((account) => account[kind]).filter((value) => value !== undefined));
    /** @param {Event} event */
    const onChange = ({ currentTarget }) => {
      const input = /** @type {HTMLInputElement} */ (currentTarget);
      // Ids of brands, markets and partners have no other characters.
      input.value = input.value.replace(/[^\w.-]+/g, "");
      go({ [kind]: input.value });
    };
    return h("div", { class: "filter", key: kind }, [
      h("label", { for: kind }, label),
      h("input", {
        id: kind,
        list: `${kind}s`,
        placeholder: "All",
        autocomplete: "off",
        maxLength: 64,
        defaultValue: state.view[kind],
        onChange,
      }),
      h(
        "datalist",
        { id: `${kind}s` },
        [...known].sort().map((value) => h("option", { key: value, value })),
      ),
    ]);
  });
}

function panel() {
  const { accounts, phase, problem, cursor } = state.list;
  if (phase === "failed" && problem) {
    // What is there already stays, and one's place in it.
    const isMore = accounts.length > 0 && cursor;
    return [
      isMore && table(accounts),
      problemBox(problem, button({ label: "Try again", onClick: isMore ? loadMore : load })),
    ];
  }
  if (phase === "loading" && accounts.length === 0) return [unseen("Loading"), table(Array(8).fill(null))];
  if (accounts.length === 0) return empty();
  return [table(accounts), cursor && h(More, { key: "more", isBusy: phase === "more", onMore: loadMore })];
}

function empty() {
  const { tab, search } = state.view;
  const everything = () => {
    go({ search: "", brand: "", market: "", partner: "" });
    fillFields();
  };
  if (isFiltered()) {
    return h("div", { class: "box empty" }, [
      h("strong", null, [
        "No ad account in ",
        STATUS[tab],
        search ? [" matches “", name(search), "”"] : " matches the filters",
      ]),
      state.list.elsewhere
        ? [
            h("p", null, `There is one in ${STATUS[otherTab()]}.`),
            button({ label: `Look in ${STATUS[otherTab()]}`, onClick: () => go({ tab: otherTab() }), isMain: true }),
          ]
        : h(
            "p",
            null,
            "Compare the Account ID with the one in TikTok Ads Manager. If it is right, your CreativeX user may have no access to this ad account: ask a manager of your organisation.",
          ),
      button({ label: "Show everything", onClick: everything }),
    ]);
  }
  const texts = {
    needs_connecting: [
      "Everything is connected",
      "Every ad account feeds CreativeX with data. When one stops, it shows up here, with the reason.",
    ],
    active: ["No ad account is active", "Look in Needs Connecting: Activate brings an ad account back."],
  };
  return h("div", { class: "box empty" }, [h("strong", null, texts[tab][0]), h("p", null, texts[tab][1])]);
}

/** @param {(Account | null)[]} accounts `null` for one that is still to come. */
function table(accounts) {
  const columns = [
    "Ad account",
    state.view.tab === "active" ? "Status" : "Why and since when",
    "Brand",
    "Market",
    "Partner",
  ];
  const head = columns.map((text) => h("th", { key: text, role: "columnheader", scope: "col" }, text));
  return h("table", { role: "table", key: "table", "aria-busy": state.list.phase === "loading" }, [
    h("caption", { class: "unseen" }, `Ad accounts: ${STATUS[state.view.tab]}`),
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, [...head, h("th", { role: "columnheader", scope: "col" }, unseen("Actions"))]),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      accounts.map((account, nth) => (account ? h(Row, { key: account.advertiser_id, account }) : skeleton(nth))),
    ),
  ]);
}

/** @param {number} nth */
const skeleton = (nth) =>
  h(
    "tr",
    { role: "row", key: nth, class: "skeleton", "aria-hidden": "true" },
    [1, 2, 3, 4, 5, 6].map((cell) => h("td", { role: "cell", key: cell }, h("span", null))),
  );

/** Drawn again only when its account has changed: there may be thousands. @extends {Component<{account: Account}>} */
class Row extends Component {
  /** @param {{account: Account}} next */
  shouldComponentUpdate(next) {
    return next.account !== this.props.account;
  }

  render() {
    const { account } = this.props;
    const { advertiser_id: id, brand, market, partner } = account;
    /** @param {MouseEvent} event */
    const onOpen = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      openDetails(id);
    };
    /** @param {Event} event */
    const onMenu = ({ currentTarget }) =>
      set({ menu: { account, button: /** @type {HTMLElement} */ (currentTarget) } });
    return h("tr", { role: "row", "data-account": id }, [
      h("td", { role: "cell", class: "who" }, [
        h("span", { class: "name" }, name(account.name)),
        h("span", { class: "id" }, [
          h("a", { href: `?account=${id}`, onClick: onOpen, "aria-label": `${id}, details of ${account.name}` }, id),
          h(Copy, { text: id, label: `Copy Account ID ${id}` }),
        ]),
      ]),
      h("td", { role: "cell", class: "why" }, [
        state_(account),
        account.at_risk.map((risk) =>
          h("span", { key: risk, class: "risk" }, ["⚠ ", unseen("At risk: "), riskText(risk)]),
        ),
      ]),
      label("Brand", brand),
      label("Market", market),
      label("Partner", partner),
      h("td", { role: "cell", class: "act" }, [
        h(
          "button",
          {
            type: "button",
            class: "dots",
            "aria-haspopup": "menu",
            "aria-label": `Actions for ${account.name}`,
            onClick: onMenu,
          },
          "⋮",
        ),
      ]),
    ]);
  }
}

/** @param {Account} account */
function state_({ status, cause, lapsed_since }) {
  if (status === "active") return h("span", { class: "pill good" }, STATUS.active);
  return [
    h("span", { class: "cause" }, cause ? causeTitle(cause) : STATUS.needs_connecting),
    lapsed_since && h("small", null, ["since ", ago(lapsed_since)]),
  ];
}

/** @param {string} title @param {string | undefined} value */
const label = (title, value) =>
  h(
    "td",
    { role: "cell", key: title, class: "label", "data-title": title },
    value ? name(value) : h("span", { class: "none" }, [h("span", { "aria-hidden": "true" }, "–"), unseen("none")]),
  );

/** The next page comes when its button comes near, or is pressed. @extends {Component<{isBusy: boolean, onMore: () => void}>} */
class More extends Component {
  /** @type {HTMLElement | null} */
  node = null;
  // Several changes may be told at once: the last one is how it is now.
  watcher = new IntersectionObserver((entries) => entries.at(-1)?.isIntersecting && this.props.onMore(), {
    rootMargin: "1000px",
  });

  componentDidMount() {
    if (this.node) this.watcher.observe(this.node);
  }

  // Still near after a page has come: watching anew tells of it.
  componentDidUpdate() {
    if (!this.node || this.props.isBusy) return;
    this.watcher.unobserve(this.node);
    this.watcher.observe(this.node);
  }

  componentWillUnmount() {
    this.watcher.disconnect();
  }

  render() {
    const { isBusy, onMore } = this.props;
    const ref = (/** @type {HTMLElement | null} */ node) => {
      if (node) this.node = node;
    };
    return h(
      "p",
      { class: "more", ref },
      button({ label: isBusy ? "Loading more…" : "Show more", onClick: onMore, isBusy }),
    );
  }
}

/** @param {NonNullable<typeof state.menu>} menu */
function rowMenu({ account, button }) {
  const { advertiser_id: id } = account;
  const details = { label: "Details", onClick: () => openDetails(id) };
  const check = { label: "Check now", onClick: () => openDetails(id, { check: true }) };
  const activate =
    account.status === "active"
      ? { label: "Renew connection", onClick: () => startActivation(account, { isRenewal: true }) }
      : { label: "Activate", onClick: () => startActivation(account) };
  const items = state.session?.isManager ? [activate, check, details] : [details];
  return h(Menu, { key: id, button, label: `Actions for ${account.name}`, items, onClose: () => set({ menu: null }) });
}
