// Search in the place of the list: what was found follows what is typed.

import { $, fragment, notice, words } from "./dom.js";

const PAUSE_MS = 300;

const text = $("#search-text");
const found = $("#found");
let timer;
let asked = text.value.trim();

const address = (query, more = "") => `/console/search/found?q=${encodeURIComponent(query)}&view=${$("#search").elements.view.value}${more}`;

async function look() {
  clearTimeout(timer);
  const query = text.value.trim();
  document.body.classList.toggle("searching", Boolean(query));
  if (query === asked) return;
  asked = query;
  if (!query) return found.replaceChildren();
  try {
    const content = await fragment(address(query));
    if (asked === query) found.replaceChildren(content);
  } catch {
    asked = undefined;
    notice(words().network);
  }
}

async function more(link) {
  const item = link.closest("li");
  try {
    const content = await fragment(link.href);
    const first = $("a", content);
    item.replaceWith(content);
    (first ?? text).focus();
  } catch {
    notice(words().network);
  }
}

/** Go to the search; what was looked for is chosen, to be written over. */
export function focus() {
  document.body.classList.remove("has-conversation");
  text.focus();
  text.select();
}

text.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !text.value) return;
  event.preventDefault();
  text.value = "";
  look();
});
$("#search").addEventListener("submit", (event) => (event.preventDefault(), look()));
found.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-more]");
  if (link) (event.preventDefault(), more(link));
});
