// The days without data, as a strip of a calendar: one cell a day, or one a month where there are too many days to tell apart.

import { h } from "./ui.js";
import { count, dayText, gapText } from "./words.js";

const DAY = 86_400_000;
const MOST_DAYS = 62;
const monthFormat = new Intl.DateTimeFormat("en-GB", { month: "short", year: "2-digit", timeZone: "UTC" });

/** @param {string} day */
const at = (day) => Date.parse(`${day}T00:00:00Z`);
/** @param {number} time */
const iso = (time) => new Date(time).toISOString().slice(0, 10);

/** @param {import("./api.js").Schemas["OpenGap"]} gap @param {string} status */
export function gapStrip(gap, status) {
  const { from, to, unrecoverable_before } = gap;
  const days = Math.round((at(to) - at(from)) / DAY) + 1;
  const isOpen = status === "needs_connecting";
  const lost =
    unrecoverable_before && unrecoverable_before > from
      ? Math.min(days, Math.round((at(unrecoverable_before) - at(from)) / DAY))
      : 0;
  return [
    h("p", null, [
      `${count(days, "day")} without data: ${gapText(gap)}. `,
      isOpen ? "They are fetched again as soon as the ad account is active." : "They are being fetched again.",
    ]),
    h(
      "div",
      { class: "strip", "aria-hidden": "true" },
      days > MOST_DAYS ? months(from, days) : cells(from, days, lost),
    ),
    lost > 0 &&
      h(
        "p",
        { class: "hint" },
        `TikTok no longer gives out what lies before ${dayText(String(unrecoverable_before))}: ${count(lost, "day")} cannot be fetched.`,
      ),
  ];
}

/** One cell a day, with a day before and after, where data are there or still to come. @param {string} from @param {number} days @param {number} lost */
function cells(from, days, lost) {
  return Array.from({ length: days + 2 }, (_, nth) => {
    const day = iso(at(from) + (nth - 1) * DAY);
    const kind = nth === 0 || nth === days + 1 ? "" : nth <= lost ? "lost" : "missing";
    const number = day.slice(8);
    const isFirst = nth === 0 || number === "01";
    return h("span", { key: day, class: kind, title: dayText(day) }, [
      h("i", null, isFirst ? monthFormat.format(new Date(at(day))).split(" ")[0] : ""),
      h("b", null, String(Number(number))),
    ]);
  });
}

/** One cell a month, with how many of its days are missing. @param {string} from @param {number} days */
function months(from, days) {
  /** @type {Map<string, number>} */
  const missing = new Map();
  for (let nth = 0; nth < days; nth++) {
    const month = monthFormat.format(new Date(at(from) + nth * DAY));
    missing.set(month, (missing.get(month) ?? 0) + 1);
  }
  return [...missing].map(([month, number]) =>
    h("span", { key: month, class: "missing month" }, [h("i", null, month), h("b", null, String(number))]),
  );
}
