// Pages about the knowledge: a document's text taken from a file, files that are imported.

import { Refused, sendFile } from "./api.js";
import { $, $$, fragment } from "./dom.js";

for (const input of $$("[data-fills]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) input.form.elements[input.dataset.fills].value = await file.text();
  });
}

const imports = $("[data-imports]");
imports?.addEventListener("change", async () => {
  const problem = $("[data-problem]");
  const [file] = imports.files;
  const large = file?.size > Number(imports.dataset.limit);
  problem.textContent = imports.dataset.large;
  problem.hidden = !large;
  if (!file || large) return;
  imports.disabled = true;
  try {
    await sendFile("/console/knowledge/imports/file", file);
    location.reload();
  } catch (error) {
    problem.textContent = error instanceof Refused ? error.message : imports.dataset.network;
    problem.hidden = false;
  } finally {
    imports.disabled = false;
    imports.value = "";
  }
});

/** Show how far the files are read, as long as one is. */
async function follow() {
  const list = $("#imports[data-goes-on]");
  if (!list) return;
  try {
    list.replaceWith(await fragment(list.dataset.goesOn));
  } catch {
    // The server is away: the next look tells more.
  }
  setTimeout(follow, 1000);
}
setTimeout(follow, 1000);
