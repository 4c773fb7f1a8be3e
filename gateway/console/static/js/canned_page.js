// The page of canned replies: a file is uploaded as soon as it is chosen, and belongs to the reply once that is saved.

import { $ } from "./dom.js";
import { sendFile, Refused } from "./api.js";

const box = $("#canned-file");
const input = $('input[type="file"]', box);
const id = $('input[name="file"]', box);
const chosen = $("[data-chosen]", box);
const bar = $("progress", box);
const problem = $(".problem", box);
const save = $('button[type="submit"]', box.closest("form"));

function show(name, busy = false) {
  chosen.hidden = !name;
  $("[data-name]", chosen).textContent = name;
  bar.hidden = !busy;
  save.disabled = busy;
}

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

async function choose(file) {
  const before = [id.value, $("[data-name]", chosen).textContent];
  say("");
  show(file.name, true);
  try {
    id.value = (await sendFile("/console/canned/files", file)).file;
    show(file.name);
  } catch (error) {
    say(error instanceof Refused ? error.message : problem.dataset.network);
    show(before[0] && before[1]);
  }
}

$("[data-choose]", box).addEventListener("click", () => input.click());
input.addEventListener("change", () => input.files[0] && choose(input.files[0]).then(() => (input.value = "")));
$("[data-remove]", box).addEventListener("click", () => ((id.value = ""), show(""), say(""), $("[data-choose]", box).focus()));
