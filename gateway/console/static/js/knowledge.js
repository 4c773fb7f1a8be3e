// Pages about the knowledge: dialogs before a decision, and a document's text taken from a file.

import { $, $$ } from "./dom.js";

for (const button of $$("[data-open]")) {
  button.addEventListener("click", () => $(`#dialog-${button.dataset.open}`).showModal());
}
for (const button of $$("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

for (const input of $$("[data-fills]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) input.form.elements[input.dataset.fills].value = await file.text();
  });
}
