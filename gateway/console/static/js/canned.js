// Canned replies: "/" and a shortcut at the cursor of a reply list them; one is put in the place of the shortcut.

import { get } from "./api.js";
import { $, $$, notice, words } from "./dom.js";

const MOST = 8;
const CALL = /(?:^|\s)\/([\w-]*)$/u;

let replies;
let variables = [];
let found = [];
let place = 0;

const box = () => $("#canned");
const field = () => $("#composer-text");
const called = () => field().value.slice(0, field().selectionStart).match(CALL);

function hide() {
  box().hidden = true;
  field().removeAttribute("aria-activedescendant");
}

async function load() {
  try {
    ({ replies, variables } = await get(box().dataset.base));
  } catch {
    notice(words().network);
  }
}

async function look() {
  if ($("#composer").dataset.mode !== "reply" || !called()) return hide();
  if (!replies) await load();
  const call = called();
  if (!replies || !call) return hide();
  const text = call[1].toLowerCase();
  found = replies.filter((one) => one.shortcut.startsWith(text) || (text && one.title.toLowerCase().includes(text))).slice(0, MOST);
  place = 0;
  $("#canned-list").replaceChildren(...found.map(option));
  $("#canned-none").hidden = Boolean(found.length);
  box().hidden = Boolean(text) && !found.length;
  select();
}

function option(reply, index) {
  const item = Object.assign(document.createElement("li"), { id: `canned-${index}`, role: "option" });
  const parts = [["kbd", `/${reply.shortcut}`], ["strong", reply.title], ["span", reply.text]];
  if (reply.file) parts.push(["span", `+ ${reply.file.name}`]);
  item.append(...parts.map(([name, text]) => Object.assign(document.createElement(name), { textContent: text })));
  item.addEventListener("pointerdown", (event) => (event.preventDefault(), insert(reply)));
  return item;
}

function select() {
  $$("#canned-list li").forEach((item, index) => {
    item.setAttribute("aria-selected", String(index === place));
    if (index === place) item.scrollIntoView({ block: "nearest" });
  });
  if (found.length) field().setAttribute("aria-activedescendant", `canned-${place}`);
}

function insert(reply) {
  const text = field();
  const end = text.selectionStart;
  const start = end - called()[1].length - 1;
  text.setRangeText(reply.text, start, end, "end");
  hide();
  text.dispatchEvent(new Event("input", { bubbles: true }));
  unfilled(start, start + reply.text.length);
  if (reply.file) $("#composer").dispatchEvent(new CustomEvent("canned-file", { detail: reply.file }));
}

/** Choose the first variable without a value, for the person to write over; gives it, or nothing. */
function unfilled(start, end) {
  const text = field();
  const name = variables.find((one) => text.value.slice(start, end).includes(one));
  if (name) {
    const at = text.value.indexOf(name, start);
    text.setSelectionRange(at, at + name.length);
  }
  return name;
}

/** Hold an answer back that still has a variable; it may come from a draft, before the variables are known. */
function held(event) {
  const text = field();
  if ($("#composer").dataset.mode !== "reply" || !text.value.includes("{")) return;
  const name = unfilled(0, text.value.length);
  if (replies && !name) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!replies) return load().then(() => replies && $("#composer").requestSubmit());
  text.focus();
  notice(box().dataset.unfilled.replace("{n}", name));
}

function pressed(event) {
  if (event.target !== field() || event.isComposing) return;
  const acts = {
    ArrowDown: () => (place = (place + 1) % found.length),
    ArrowUp: () => (place = (place + found.length - 1) % found.length),
    Enter: () => insert(found[place]),
    Tab: () => insert(found[place]),
    Escape: hide,
  };
  if (!box().hidden && acts[event.key] && (found.length || event.key === "Escape")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    acts[event.key]();
    if (event.key.startsWith("Arrow")) select();
  } else if (event.key === "Enter" && !event.shiftKey) held(event);
}

/** A conversation was opened. */
export function begin() {
  replies = undefined;
  variables = [];
  field().addEventListener("input", look);
  field().addEventListener("blur", hide);
  box().addEventListener("mousedown", (event) => event.preventDefault()); // the text keeps the focus, and the list its link
  $("#composer").addEventListener("keydown", pressed, { capture: true });
  $("#composer").addEventListener("submit", held, { capture: true });
}
