// Nothing here is needed to consent: it saves a press on Switch, and helps with long lists.
"use strict";

const find = (id) => document.getElementById(id);

const center = find("center");
const press = find("switch").querySelector("button");
press.hidden = true;
let byKeyboard = false;
center.addEventListener("pointerdown", () => { byKeyboard = false; });
center.addEventListener("keydown", () => { byKeyboard = true; });
center.addEventListener("change", () => {
  // An arrow key changes the choice with every press. Whoever uses one says with Enter or Switch when it is the right one.
  if (byKeyboard) press.hidden = false;
  else center.form.requestSubmit();
});

const rows = Array.from(find("accounts").children, (row) => {
  const box = row.querySelector("input");
  return { row, box, text: `${row.querySelector("bdi").textContent}\n${box.value}`.toLowerCase() };
});
const search = find("search");

function count() {
  const ticked = rows.filter(({ box }) => box.checked).length;
  const shown = rows.filter(({ row }) => !row.hidden).length;
  const text = `${ticked} of ${rows.length} ad ${rows.length === 1 ? "account" : "accounts"} selected`;
  find("selected").textContent = shown === rows.length ? text : `${text}, ${shown} shown`;
  find("none").hidden = shown > 0 || rows.length === 0;
}

function tickShown(on) {
  for (const { row, box } of rows) if (!row.hidden) box.checked = on;
  count();
}

if (find("tools")) {
  find("tools").hidden = false;
  find("select-all").addEventListener("click", () => tickShown(true));
  find("clear").addEventListener("click", () => tickShown(false));
}
search?.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const { row, text } of rows) row.hidden = !text.includes(wanted);
  find("select-all").textContent = wanted ? "Select shown" : "Select all";
  find("clear").textContent = wanted ? "Clear shown" : "Clear";
  count();
});
find("accounts").addEventListener("change", count);
count();
