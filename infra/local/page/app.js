// The page *Ad Accounts*: what the CreativeX web app does with the API of Reconnect, and nothing that it could not do.
//
// The address bar holds what is to be seen, `store.js` what is known about it, and each file beside this one draws a part:
// `accounts.js` and `list.js` the list, `details.js` the sheet of one ad account, `activate.js` the way to TikTok, `receipt.js` the way back.

import { load, refreshIfOld } from "./accounts.js";
import { activateView, isBackFromTikTok, lastAttempt } from "./activate.js";
import { detailsView, loadDetails } from "./details.js";
import { fillFields, listView } from "./list.js";
import { finish, follow, isBackWithTicket, receiptView } from "./receipt.js";
import { people, resume, signedIn, signIn, signOut } from "./session.js";
import { begin as beginWith, go, readView, redraw, set, state } from "./store.js";
import { button, h } from "./ui.js";
import { render } from "./vendor/preact.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

function app() {
  if (!state.session) return signInView();
  return [
    header(state.session),
    listView(),
    state.details && detailsView(state.details),
    state.activate && activateView(state.activate),
    state.receipt && receiptView(state.receipt),
  ];
}

/** @param {NonNullable<typeof state.session>} session */
const header = (session) =>
  h("header", null, [
    h("a", { href: "/", class: "brand" }, "Reconnect"),
    h("nav", { "aria-label": "Local world" }, [h("a", { href: "/local/" }, "About this local world")]),
    h("span", { class: "me" }, [session.name, button({ label: "Switch user", onClick: leave })]),
  ]);

/** The web app has its own. Here everybody may be anybody. */
const signInView = () =>
  h("main", { class: "sign-in" }, [
    h("h1", null, "Ad Accounts"),
    h("section", { "aria-labelledby": "sign-in" }, [
      h("h2", { id: "sign-in" }, "Sign in"),
      h("p", null, [
        "This is a local world with invented people. Who would you like to be? ",
        h("a", { href: "/local/" }, "About this local world"),
      ]),
      state.people?.length === 0 &&
        h(
          "p",
          { class: "box bad", role: "alert" },
          "The local world does not answer. Is it running? Reload the page then.",
        ),
      h(
        "ul",
        { class: "people" },
        (state.people ?? []).map((person) =>
          h("li", { key: person.sub }, [
            button({ label: person.name, onClick: () => enter(person.sub) }),
            h("span", null, `${person.organisation}, may ${person.may}, reaches ${person.reaches}`),
          ]),
        ),
      ),
    ]),
  ]);

/** @param {string} sub */
async function enter(sub) {
  await signIn(sub);
  await begin();
}

function leave() {
  signOut();
  location.assign("/");
}

/** From here on somebody is signed in, or has to. */
async function begin() {
  set({ session: signedIn() });
  if (!state.session) return set({ people: await people() });
  if (!isBackWithTicket()) return onView();
  // TikTok brought them back to the bare address: they find the list as they left it.
  history.replaceState(null, "", lastAttempt()?.search || location.search || location.pathname);
  set({ view: readView() });
  fillFields();
  go({ activation: null }, { replace: true });
  await finish();
}

let listed = "";

/** Brings what is shown in line with the view. */
function onView() {
  const { account, activation, ...filter } = state.view;
  if (account !== (state.details?.id ?? null)) {
    if (account) void loadDetails(account);
    else set({ details: null });
  }
  if (activation) void follow(activation);
  const wanted = JSON.stringify(filter);
  if (listed !== wanted) void load();
  listed = wanted;
}

addEventListener("popstate", () => {
  set({ view: readView(), menu: null });
  if (!state.view.activation && state.receipt?.id) set({ receipt: null });
  fillFields();
  onView();
});
addEventListener("visibilitychange", () => document.visibilityState === "visible" && refreshIfOld());
addEventListener("pageshow", (event) => event.persisted && isBackFromTikTok());

beginWith(() => render(app(), root), onView);
redraw();
await resume();
await begin();
