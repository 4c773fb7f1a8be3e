// Search inside the conversation that is open: from one hit to the next, the newest first.

import { get } from "./api.js";
import { $, notice, words } from "./dom.js";

const PAUSE_MS = 300;
const SHOWN_MS = 2500;

let conversation;
let hits = [];
let more = false;
let place = 0;
let asked = "";
let timer;

/** Mark a message for a while. */
export function point(entry) {
  entry.scrollIntoView({ block: "center" });
  entry.classList.add("hit");
  entry.focus({ preventScroll: true });
  setTimeout(() => entry.classList.remove("hit"), SHOWN_MS);
}

function count() {
  const { none, place: of } = $("#find").dataset;
  const all = `${hits.length}${more ? "+" : ""}`;
  $("#find-count").textContent = !asked ? "" : hits.length ? of.replace("{n}", place + 1).replace("{all}", all) : none;
  for (const button of ["older", "newer"]) $(`#find [data-find="${button}"]`).disabled = hits.length < 2;
}

async function look() {
  clearTimeout(timer);
  const query = $("#find-text").value.trim();
  if (query === asked) return;
  asked = query;
  try {
    const told = query ? await get(`${conversation.base}/search?q=${encodeURIComponent(query)}`) : { hits: [], more: false };
    if (query !== asked) return;
    ({ hits, more } = told);
    place = 0;
    await show();
  } catch {
    notice(words().network);
  }
}

async function show() {
  count();
  if (!hits.length) return;
  const typing = document.activeElement === $("#find-text");
  await conversation.reach(hits[place].id, hits[place].seq);
  if (typing) $("#find-text").focus({ preventScroll: true });
}

function step(by) {
  if (!hits.length) return;
  place = (place + by + hits.length) % hits.length;
  show();
}

function close() {
  $("#find").hidden = true;
  $("#find-text").value = "";
  [asked, hits] = ["", []];
  count();
  $("#scroller").focus({ preventScroll: true });
}

function pressed(event) {
  if (event.key === "Escape") return event.preventDefault(), event.stopPropagation(), close();
  if (event.key !== "Enter") return;
  event.preventDefault();
  if ($("#find-text").value.trim() === asked) step(event.shiftKey ? -1 : 1);
  else look();
}

/** Open the search of the conversation. */
export function open() {
  $("#find").hidden = false;
  $("#find-text").select();
  $("#find-text").focus();
}

/** A conversation was opened. */
export function begin(opened) {
  conversation = opened;
  [hits, asked, place] = [[], "", 0];
  const acts = { older: () => step(1), newer: () => step(-1), close };
  $("#find").addEventListener("submit", (event) => event.preventDefault());
  $("#find").addEventListener("click", (event) => acts[event.target.closest("button")?.dataset.find]?.());
  $("#find-text").addEventListener("input", () => (clearTimeout(timer), (timer = setTimeout(look, PAUSE_MS))));
  $("#find-text").addEventListener("keydown", pressed);
  const at = new URLSearchParams(location.search);
  if (at.get("message")) conversation.reach(at.get("message"), Number(at.get("seq")));
}
