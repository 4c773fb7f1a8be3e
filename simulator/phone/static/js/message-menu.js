// What can be done with a message: react, reply, copy, look inside.

import { h } from "./dom.js";
import { QUICK, openEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { openInfo } from "./message-info.js";
import { popup } from "./popup.js";
import { preview } from "./preview.js";

/** Open the menu of a message; `phone`: its store, speaker, business, and `answer()`. */
export function openMessageMenu(button, place, message, phone) {
  const act = (action) => () => {
    close();
    action();
  };
  const react = (emoji) => act(() => phone.speaker.react(message, emoji));
  const quick = QUICK.map((emoji) => h("button", { type: "button", role: "menuitem", "aria-label": `Reagir com ${emoji}`, onclick: react(emoji) }, emoji));
  const more = act(() => openEmoji(button, place, (emoji) => phone.speaker.react(message, emoji)));
  const box = h(
    "div",
    { class: "popup menu", role: "menu", "aria-label": "Ações da mensagem" },
    h("div", { class: "quick", role: "none" }, quick, entry("add", "", more, { "aria-label": "Outra reação" })),
    entry("reply", "Responder", act(phone.answer)),
    entry("copy", "Copiar texto", act(() => navigator.clipboard.writeText(message.text ?? preview(message)))),
    entry("info", "Informações e JSON", act(() => openInfo(message, phone.store))),
  );
  const close = popup(button, place, box);
}

function entry(drawing, text, onclick, more = {}) {
  return h("button", { type: "button", role: "menuitem", onclick, ...more }, icon(drawing), text);
}
