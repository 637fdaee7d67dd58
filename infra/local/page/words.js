// Words of the page for the codes of the API. The titles are those of the service's catalogue (shared/domain/src/causes.rs): a test compares them.

/** @typedef {import("./api.js").Schemas} Schemas */

/**
 * What a cause is called, and the one right next step after an attempt that ended with it: begin again, ask the person who can
 * fix it, write to support, or wait.
 * @type {Record<Schemas["CauseCode"], [title: string, next: "again" | "ask" | "support" | "wait"]>}
 */
export const CAUSES = {
  authorization_revoked: ["TikTok authorization is no longer valid", "again"],
  authorization_of_another_app: ["The stored TikTok connection was made for another app", "again"],
  ad_account_management_missing: ["The permission Ad Account Management is off", "again"],
  reporting_missing: ["The permission Reporting is off", "again"],
  no_ad_accounts_granted: ["No ad account was selected at TikTok", "again"],
  ad_account_not_granted: ["This ad account was not selected at TikTok", "again"],
  wrong_business_center: ["The TikTok login belongs to another Business Center", "again"],
  not_business_center_admin: ["The TikTok login is not an Admin of the Business Center", "ask"],
  ad_account_not_owned: ["The Business Center does not own this ad account", "ask"],
  ad_account_moved: ["The ad account moved to another Business Center", "ask"],
  ad_account_not_found: ["The ad account does not exist at TikTok", "ask"],
  consent_denied: ["The request was cancelled at TikTok", "again"],
  link_expired: ["The link is not known, too old or was already used", "again"],
  authorization_code_rejected: ["TikTok did not accept the confirmation", "again"],
  tiktok_unavailable: ["TikTok is not answering properly", "wait"],
  app_misconfigured: ["Something is wrong on our side", "wait"],
  credential_unreadable: ["We cannot open the stored authorization", "wait"],
  unrecognised: ["TikTok gave an answer we do not know", "support"],
};

/** The service may know more causes than this page. @param {Schemas["CauseCode"]} cause */
export const causeTitle = (cause) => CAUSES[cause]?.[0] ?? cause;

/** @type {Record<Schemas["Risk"], string>} */
const RISKS = {
  connector_no_longer_admin: "The person who connected it is no longer an Admin",
  single_admin_left: "Only one Admin is left in the Business Center",
  ad_account_not_usable: "TikTok has suspended or closed the ad account, or not approved it yet",
  sibling_lapsed: "Another ad account of the same connection has lapsed",
  permissions_narrowed: "Fewer permissions than before",
  business_center_suspended: "TikTok has suspended the Business Center: an Admin can appeal in TikTok Business Center",
};

/** @param {Schemas["Risk"]} risk */
export const riskText = (risk) => RISKS[risk] ?? risk;

/** Where the findings say more than the fact. @param {Schemas["Risk"]} risk @param {Schemas["Finding"][]} findings */
export const riskTextOf = (risk, findings) =>
  risk === "ad_account_not_usable" &&
  findings.some(({ check, suspended }) => check === "ad_account_usable" && suspended)
    ? "TikTok has suspended the ad account: an Admin can appeal in TikTok Ads Manager"
    : riskText(risk);

/** The checklist of the help page, in its order. @type {Record<Schemas["Check"], string>} */
export const CHECKS = {
  authorization_alive: "The TikTok authorization works",
  business_center_matches: "It is of the right Business Center",
  business_center_admin: "Whoever authorized is an Admin there",
  ad_account_owned: "The ad account is owned by this Business Center",
  ad_account_granted: "The ad account is selected",
  ad_account_management_granted: "Ad Account Management is on",
  reporting_granted: "Reporting is on",
  ad_account_usable: "TikTok has not paused the ad account",
};

/** @type {Record<Schemas["FixableBy"], string>} */
export const FIXERS = {
  any_business_center_admin: "any Admin of the Business Center",
  the_person_who_consents: "whoever signs in to TikTok",
  an_admin_of_the_original_business_center: "an Admin of the original Business Center",
  a_current_admin: "a current Admin of the Business Center",
  the_owning_business_center: "the Business Center that owns the ad account",
  the_business_center_admin_and_support: "an Admin of the Business Center, or CreativeX support",
  the_same_user: "you",
  us: "CreativeX; there is nothing that you have to do",
  support: "CreativeX support",
};

/** @type {Record<Schemas["HistoryEntry"]["kind"], string>} */
export const EVENTS = {
  AdAccountLapsed: "Needs connecting",
  AdAccountReconnected: "Reconnected",
  AdAccountRecovered: "Works again by itself",
  AdAccountAtRisk: "At risk",
  ReconnectRefused: "An attempt to reconnect was refused",
  SweepHeld: "Checks were held",
  SweepReleased: "Checks went on",
};

/** @type {Record<Schemas["Answer"], [mark: string, word: string]>} */
export const ANSWERS = {
  passed: ["✓", "Passed"],
  failed: ["✕", "Failed"],
  inconclusive: ["?", "Not known"],
};

export const STATUS = { needs_connecting: "Needs Connecting", active: "Active" };

const dayFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const timeFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const agoFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A day of TikTok's reports, in the ad account's own time zone: shown as it is, wherever the reader is. @param {string} day */
export const dayText = (day) => dayFormat.format(new Date(`${day}T00:00:00Z`));
/** @param {string} time */
export const timeText = (time) => timeFormat.format(new Date(time));
/** @param {string} time */
export const clockText = (time) => clockFormat.format(new Date(time));

/** @param {{from: string, to: string}} gap */
export const gapText = ({ from, to }) => (from === to ? dayText(from) : `${dayText(from)} to ${dayText(to)}`);

/** @param {string} time */
export function agoText(time) {
  const seconds = (Date.parse(time) - Date.now()) / 1000;
  const [size, unit] = /** @type {[number, Intl.RelativeTimeFormatUnit]} */ (
    [
      [86400, "day"],
      [3600, "hour"],
      [60, "minute"],
    ].find(([size]) => Math.abs(seconds) >= Number(size)) ?? [1, "second"]
  );
  return Math.abs(seconds) < 10 ? "just now" : agoFormat.format(Math.trunc(seconds / size), unit);
}

/** @param {number} number @param {string} one @param {string} [many] */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
