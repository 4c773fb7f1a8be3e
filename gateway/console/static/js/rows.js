// The list of conversations: rows that changed are fetched and put where they belong.

import { get } from "./api.js";
import { $, $$, fragment, parsed } from "./dom.js";
import * as alerts from "./alerts.js";
import { tick } from "./clock.js";

const GATHER_MS = 150;
const RECOUNT_MS = 3000;
const MOST = 60;
const OF_PEOPLE = ["waiting", "taken", "snoozed"];

let waiting = new Set();
let timer;
let recounting;

/** Take note of changes. Most are of conversations that the agent has: only lists that show those ask for their rows. */
export function noted(changes) {
  const { view } = $("#rows").dataset;
  const shown = ({ conversation, state }) =>
    OF_PEOPLE.includes(state) || view === "all" || view === "closed" || document.getElementById(`row-${conversation}`);
  changed([...new Set(changes.filter(shown).map((one) => one.conversation))]);
  if (!changes.every(shown)) recounting ??= setTimeout(recount, RECOUNT_MS);
}

async function recount() {
  recounting = undefined;
  if (timer) return; // the rows that are about to be fetched bring the counts
  try {
    counts(await get($("#rows").dataset.address));
  } catch {
    recounting = setTimeout(recount, RECOUNT_MS);
  }
}

/** Fetch these conversations' rows soon, together with others that change meanwhile. */
export function changed(ids) {
  for (const id of ids) waiting.add(id);
  if (ids.length) timer ??= setTimeout(refresh, GATHER_MS);
}

async function refresh() {
  const ids = [...waiting].slice(0, MOST);
  for (const id of ids) waiting.delete(id);
  const query = ids.map((id) => `&id=${id}`).join("");
  try {
    const told = await get(`${$("#rows").dataset.address}${query}`);
    for (const [id, row] of Object.entries(told.rows)) show(id, row);
    counts(told);
    tick();
  } catch {
    for (const id of ids) waiting.add(id); // tried again with the next change, or in a while
    timer = setTimeout(refresh, 3000);
    return;
  }
  timer = undefined;
  if (waiting.size) changed([...waiting]);
}

function show(id, row) {
  const open = $("#conversation")?.dataset.id === id && document.hasFocus();
  alerts.noted(id, row, open);
  const old = document.getElementById(`row-${id}`);
  if (!row?.html) {
    leave(old);
  } else {
    const next = parsed(row.html).firstElementChild;
    if ($("#conversation")?.dataset.id === id) $("a", next).setAttribute("aria-current", "true");
    const focused = old?.contains(document.activeElement);
    const chosen = $("input", old ?? next)?.checked;
    old?.remove();
    place(next, row.place);
    if (chosen) $("input", next).checked = true;
    if (focused) $("a", next).focus({ preventScroll: true });
  }
  $("#no-rows").hidden = Boolean($("#rows > .line"));
}

/** Take a row out of the list; where it had the focus, that goes to the row beside it, else to the list's name. */
function leave(row) {
  const focused = row?.contains(document.activeElement);
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  row?.remove();
  if (focused) (beside ? $("a", beside) : $(".view[aria-current]")).focus();
}

function place(next, key) {
  const after = $$("#rows > .line").find((line) => line.dataset.place > key);
  const older = $("#older");
  if (!after && older) return; // it is on a page further down
  $("#rows").insertBefore(next, after ?? null);
}

function counts({ counts: found, attention }) {
  alerts.count(attention);
  for (const badge of $$("[data-count]")) {
    badge.textContent = found[badge.dataset.count];
    badge.hidden = !found[badge.dataset.count];
  }
}

/** Replace "older" by the rows that it stands for. */
export async function older(button) {
  const item = button.closest("li");
  const content = await fragment(button.dataset.fragment);
  const first = $("a", content);
  item.replaceWith(content);
  first?.focus();
}

/** Mark the row of the conversation that is open; with none, mark none. */
export function mark(id) {
  for (const link of $$('.line-link[aria-current="true"]')) link.removeAttribute("aria-current");
  $(`#row-${CSS.escape(id ?? "")} .line-link`)?.setAttribute("aria-current", "true");
}
