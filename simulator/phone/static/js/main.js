// The page: people on the left, their phones side by side, tools on the right.

import * as api from "./api.js";
import { follow, readClock } from "./live.js";
import { notice } from "./notices.js";
import { People } from "./people.js";
import { Phone } from "./phone.js";
import { Store } from "./store.js";
import { applyTheme } from "./theme.js";
import { Tools } from "./tools.js";

const app = document.getElementById("app");
const holder = document.getElementById("phones");
const store = new Store();
const phones = new Map();

const tools = new Tools(document.getElementById("tools"), store, (waId) => open(waId, false));
const people = new People(document.getElementById("people"), store, { open, close, isOpen, tools });

/** Show a person's phone and focus its composer. */
function open(waId, focus = true) {
  if (!phones.has(waId)) {
    const phone = new Phone(store, waId, facts.business, { back: () => back(waId), close: () => close(waId) });
    phones.set(waId, phone);
    holder.append(phone.element);
  }
  for (const [other, phone] of phones) phone.element.classList.toggle("current", other === waId);
  app.dataset.view = "chat";
  remember();
  if (focus) phones.get(waId).focus();
}

function close(waId) {
  phones.get(waId)?.leave();
  phones.delete(waId);
  remember();
  if (!phones.size) app.dataset.view = "list";
  people.focus(waId);
}

/** On a narrow screen: from the conversation to the list. */
function back(waId) {
  app.dataset.view = "list";
  people.focus(waId);
}

function isOpen(waId) {
  return phones.has(waId);
}

/** Write the open phones into the address, so that a reload or a link shows them again. */
function remember() {
  history.replaceState(null, "", phones.size ? `#${[...phones.keys()].join(",")}` : location.pathname);
  people.render();
}

function closeAll() {
  for (const phone of phones.values()) phone.leave();
  phones.clear();
}

store.addEventListener("reset", async () => {
  const before = [...phones.keys()];
  closeAll();
  store.setPeople(await api.personas());
  for (const waId of before) if (store.people.has(waId)) open(waId, false);
  remember();
});
window.addEventListener("unhandledrejection", ({ reason }) => notice(reason.message ?? String(reason)));

applyTheme();
const facts = await api.facts();
tools.know(facts);
await readClock();
store.setPeople(await api.personas());
const named = location.hash.slice(1).split(",").filter((waId) => store.people.has(waId));
for (const waId of named) open(waId, false);
if (!named.length && store.people.size && matchMedia("(min-width: 45rem)").matches) {
  open(store.people.keys().next().value, false);
  if (tools.tourIsNew) people.openTools();
}
await follow(store);
