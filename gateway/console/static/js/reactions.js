// A reaction to a message: a few emojis under its button.

import { $ } from "./dom.js";

const EMOJIS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/** Open the emojis at a button, or close them; react(emoji) is called with the choice, an empty one takes it back. */
export function choose(button, react) {
  const entry = button.closest(".entry");
  const open = $(".react-menu");
  open?.remove();
  if (open?.parentElement === entry) return;
  const menu = document.createElement("div");
  menu.className = "react-menu";
  menu.setAttribute("role", "group");
  menu.setAttribute("aria-label", button.getAttribute("aria-label"));
  for (const emoji of EMOJIS) menu.append(choice(emoji, button.dataset.with.replace("{emoji}", emoji), () => react(emoji)));
  menu.append(choice("×", button.dataset.none, () => react("")));
  menu.addEventListener("keydown", (event) => event.key === "Escape" && (menu.remove(), button.focus()));
  entry.append(menu);
  menu.firstElementChild.focus();
}

function choice(text, label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool";
  button.textContent = text;
  button.setAttribute("aria-label", label);
  button.title = label;
  button.addEventListener("click", () => (button.parentElement.remove(), act()));
  return button;
}
