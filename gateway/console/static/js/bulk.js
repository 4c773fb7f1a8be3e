// Decisions about several conversations at once, and one step back.

import * as alerts from "./alerts.js";
import { post, Refused } from "./api.js";
import { until } from "./dialogs.js";
import { $, $$, notice, words } from "./dom.js";

const MOST = 100;

const bar = $("#bulk");
const text = () => JSON.parse(bar.dataset.words);
const chosen = () => $$("#rows [data-choose]:checked").map((box) => box.closest(".line"));
let taken; // what undoes the last decision

function count() {
  const number = chosen().length;
  bar.hidden = !number;
  $("#bulk-count").textContent = number;
  document.body.classList.toggle("choosing", Boolean(number));
}

/** Choose the conversation that is open, or whose row has the focus, or let it go. */
export function toggle() {
  const line = document.activeElement.closest("#rows .line") ?? $('#rows .line-link[aria-current="true"]')?.closest(".line");
  const box = line && $("[data-choose]", line);
  if (!box) return;
  box.checked = !box.checked;
  count();
}

function clear() {
  for (const box of $$("#rows [data-choose]:checked")) box.checked = false;
  count();
}

function said(what, told) {
  const sentences = [told.changed.length ? `${what}: ${told.changed.length}.` : text().none, ...told.refused];
  taken = told.undo ?? undefined;
  notice(sentences.join(" "), taken && { text: text().undo, act: undo });
}

async function decide(action, values) {
  const items = chosen().slice(0, MOST).map(({ dataset }) => ({ id: dataset.id, version: Number(dataset.version), last_seen: Number(dataset.newest) || null }));
  if (values.to === $("#desk").dataset.me) for (const { id } of items) alerts.taken(id);
  const body = { ...values, until: action === "snooze" ? until(values.when) : undefined };
  try {
    const told = await post("/console/bulk", { ...body, action, items });
    clear();
    ($("#rows .line-link") ?? $(".view[aria-current]")).focus(); // the button that was pressed is gone
    said(text()[action], told);
  } catch (error) {
    notice(error instanceof Refused ? error.message : words().network);
  }
}

/** Take the last decision back. */
export async function undo() {
  if (!taken) return;
  const token = taken;
  taken = undefined;
  for (const box of $$("#notices .toast")) box.remove();
  try {
    said(text().undone, await post("/console/bulk/undo", { undo: token }));
  } catch (error) {
    notice(error instanceof Refused ? error.message : words().network);
  }
}

function asked(dialog) {
  if (dialog.returnValue !== "yes") return;
  const form = $("form", dialog);
  decide(form.dataset.action, Object.fromEntries(new FormData(form)));
}

if (bar) {
  $("#rows").addEventListener("change", count);
  new MutationObserver(count).observe($("#rows"), { childList: true });
  bar.addEventListener("click", (event) => {
    const name = event.target.closest("button")?.dataset.bulk;
    if (name === "clear") return clear();
    if (!name) return;
    const dialog = $(`#bulk-${name}`);
    $("form", dialog).reset(); // without what was written about others
    dialog.returnValue = "";
    dialog.showModal();
  });
  for (const dialog of $$("dialog[id^=bulk-]")) dialog.addEventListener("close", () => asked(dialog));
}
