// The desk: the list on the left, the conversation that is open, keys, and what changes live.

import { $, $$, fragment, notice, words } from "./dom.js";
import * as alerts from "./alerts.js";
import * as bulk from "./bulk.js";
import * as clock from "./clock.js";
import { Conversation } from "./conversation.js";
import * as find from "./find.js";
import { Live } from "./live.js";
import * as rows from "./rows.js";
import * as search from "./search.js";

let conversation;
let wanted; // the address that was asked for last: what another one brings later is not shown

async function open(address, { push = true } = {}) {
  const url = new URL(address, location.href);
  wanted = url;
  const id = url.pathname.match(/^\/console\/conversations\/([0-9a-f-]{36})$/)?.[1];
  await close();
  if (wanted !== url) return;
  if (push) history.pushState(null, "", url);
  document.body.classList.toggle("has-conversation", Boolean(id));
  rows.mark(id);
  if (!id) return $("#pane").replaceChildren($("#nothing").content.cloneNode(true));
  try {
    const content = await fragment(`${url.pathname}/pane${url.search}`);
    if (wanted !== url) return;
    $("#pane").replaceChildren(content);
    begin();
    $("#scroller").focus({ preventScroll: true });
  } catch {
    if (wanted === url) location.assign(url);
  }
}

async function close() {
  await conversation?.end();
  conversation = undefined;
}

function begin() {
  if (!$("#conversation")) return;
  conversation = new Conversation($("#conversation"));
  alerts.seen(conversation.id);
  rows.changed([conversation.id]);
}

function step(by) {
  const links = $$(".line-link").filter((link) => link.offsetParent);
  const now = links.findIndex((link) => link === document.activeElement || link.getAttribute("aria-current"));
  const next = links[Math.min(Math.max(now + by, 0), links.length - 1)];
  if (!next) return;
  next.scrollIntoView({ block: "nearest" });
  open(next.href);
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  r: () => conversation?.write("reply"),
  n: () => conversation?.write("note"),
  e: () => conversation?.ask("close"),
  a: () => conversation?.take(),
  x: () => bulk.toggle(),
  z: () => bulk.undo(),
  f: () => conversation && find.open(),
  "/": search.focus,
  "?": () => $("#help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || $("dialog[open]")) return;
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) return leave(event.target);
  if (typing || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
}

/** Leave a field: from the composer to the messages, which the arrows scroll. */
function leave(field) {
  if (field.closest("#composer")) $("#scroller").focus({ preventScroll: true });
  else field.blur();
}

function clicked(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const older = event.target.closest("#older a");
  const link = event.target.closest("a.line-link, .bar a.back");
  if (!older && !link) return;
  event.preventDefault();
  if (older) rows.older(older).catch(() => notice(words().network));
  else open(link.href);
}

function changes(list) {
  rows.noted(list);
  if (conversation) conversation.changed(list.filter((one) => one.conversation === conversation.id));
}

async function lost() {
  await close();
  location.reload();
}

document.addEventListener("click", clicked);
document.addEventListener("keydown", pressed);
addEventListener("popstate", () => open(location.href, { push: false }));
$("#help-open").addEventListener("click", () => $("#help").showModal());
alerts.start();
clock.start();
begin();
new Live($("#desk").dataset.cursor, changes, lost);
