// Small parts that several views share.

import { announce } from "./store.js";
import { Component, h } from "./vendor/preact.js";
import { ANSWERS, agoText, timeText } from "./words.js";

export { Component, h };

/** @typedef {import("./api.js").Problem} Problem @typedef {import("./api.js").Schemas} Schemas */

/** Text that only a screen reader says. @param {string} text */
export const unseen = (text) => h("span", { class: "unseen" }, text);

/** A name in any script, without turning the text around it. @param {string} text */
export const name = (text) => h("bdi", null, text);

/** @param {string} at */
export const ago = (at) => h("time", { dateTime: at, title: timeText(at) }, agoText(at));

/** @param {{label: string, onClick: () => void, isMain?: boolean, isBusy?: boolean}} properties */
export const button = ({ label, onClick, isMain = false, isBusy = false }) =>
  h("button", { type: "button", class: isMain ? "main" : "", onClick, disabled: isBusy, "aria-busy": isBusy }, label);

/**
 * What went wrong, and what to do.
 * @param {Problem} problem @param {import("./vendor/preact.js").ComponentChild} [action]
 */
export const problemBox = (problem, action) =>
  h("div", { class: "box bad", role: "alert" }, [
    h("strong", null, problem.title),
    problem.detail && h("p", null, problem.detail),
    h("p", null, problem.remedy),
    action,
    problem.requestId && h("small", null, ["For support: ", h("code", null, problem.requestId)]),
  ]);

/** ✓, ✕ or ?, and the word for it. @param {Schemas["Answer"]} answer */
export const answerMark = (answer) =>
  h("span", { class: `mark ${answer}` }, [
    h("span", { "aria-hidden": "true" }, ANSWERS[answer][0]),
    unseen(`${ANSWERS[answer][1]}: `),
  ]);

/** Copies a text. @extends {Component<{text: string, label: string, shown?: string}, {isCopied?: boolean}>} */
export class Copy extends Component {
  copy = async () => {
    const { text, label } = this.props;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      announce(`The browser does not let this page copy. It is: ${text}`);
      return;
    }
    announce(`${label.replace(/^Copy /, "Copied ")}`);
    this.setState({ isCopied: true });
    setTimeout(() => this.setState({ isCopied: false }), 2000);
  };

  render() {
    const { label, shown } = this.props;
    const { isCopied } = this.state;
    const face = isCopied ? "✓ Copied" : (shown ?? "Copy");
    return h("button", { type: "button", class: shown ? "" : "small", "aria-label": label, onClick: this.copy }, face);
  }
}

/**
 * A modal dialog. It is open as long as it is drawn. Its title has the id `<id>-title`.
 * @extends {Component<{id: string, onClose: () => void, closesOutside?: boolean, children?: any}>}
 */
export class Dialog extends Component {
  /** @type {HTMLDialogElement | null} */
  node = null;

  componentDidMount() {
    this.node?.showModal();
  }

  // The browser puts the focus back where it was.
  componentWillUnmount() {
    const { node } = this;
    this.node = null;
    node?.close();
  }

  render() {
    const { id, onClose, closesOutside, children } = this.props;
    return h(
      "dialog",
      {
        id,
        "aria-labelledby": `${id}-title`,
        ref: (/** @type {HTMLDialogElement | null} */ node) => {
          if (node) this.node = node;
        },
        onClose: () => this.node && onClose(),
        onClick: (/** @type {MouseEvent} */ event) => closesOutside && event.target === this.node && onClose(),
      },
      [h("div", { class: "inside" }, children), h("p", { role: "status", class: "unseen announcer" })],
    );
  }
}

/** The heading of a dialog, which gets the focus when it opens. @param {string} id @param {any} title */
export const dialogTitle = (id, title) => h("h2", { id: `${id}-title`, tabIndex: -1, autofocus: true }, title);

/**
 * A menu beside its button.
 * @extends {Component<{button: HTMLElement, label: string, items: {label: string, onClick: () => void}[], onClose: () => void}>}
 */
export class Menu extends Component {
  /** @type {HTMLElement | null} */
  node = null;

  componentDidMount() {
    this.node?.showPopover();
    this.place();
    this.focus(0);
    addEventListener("scroll", this.place, { passive: true });
    addEventListener("resize", this.place);
  }

  componentWillUnmount() {
    removeEventListener("scroll", this.place);
    removeEventListener("resize", this.place);
    if (this.node?.contains(document.activeElement) || document.activeElement === document.body)
      this.props.button.focus();
  }

  /** Below its button, or above it where there is no room. */
  place = () => {
    const node = /** @type {HTMLElement} */ (this.node);
    const { bottom, top, left, right } = this.props.button.getBoundingClientRect();
    const isRtl = getComputedStyle(node).direction === "rtl";
    const start = isRtl ? left : right - node.offsetWidth;
    node.style.left = `${Math.max(8, Math.min(start, innerWidth - node.offsetWidth - 8))}px`;
    const fitsBelow = bottom + node.offsetHeight + 8 < innerHeight;
    node.style.top = `${fitsBelow ? bottom + 4 : Math.max(8, top - node.offsetHeight - 4)}px`;
  };

  /** @param {number} to */
  focus(to) {
    const items = /** @type {HTMLElement[]} */ ([...(this.node?.children ?? [])]);
    items[(to + items.length) % items.length]?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  onKeyDown = (event) => {
    const at = [...(this.node?.children ?? [])].indexOf(/** @type {Element} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.focus(to);
    }
    // Escape closes it by itself; Tab leaves it.
    if (event.key === "Tab") this.props.onClose();
  };

  render() {
    const { label, items, onClose } = this.props;
    return h(
      "div",
      {
        role: "menu",
        popover: "auto",
        "aria-label": label,
        ref: (/** @type {HTMLElement | null} */ node) => {
          if (node) this.node = node;
        },
        onKeyDown: this.onKeyDown,
        onToggle: (/** @type {ToggleEvent} */ event) => event.newState === "closed" && onClose(),
      },
      items.map(({ label, onClick }) =>
        h(
          "button",
          { key: label, type: "button", role: "menuitem", tabIndex: -1, onClick: () => (onClose(), onClick()) },
          label,
        ),
      ),
    );
  }
}
