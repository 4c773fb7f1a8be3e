// Short notices for the page's user, announced by screen readers at once.

import { h } from "./dom.js";

const SHOWN_MS = 8000;

/** Show what went wrong. */
export function notice(text) {
  const element = h("p", { class: "notice" }, text);
  element.addEventListener("click", () => element.remove());
  document.getElementById("notices").append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}
