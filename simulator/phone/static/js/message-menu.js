// The menu of a message: react, reply, copy, show its details.

import { form } from "./dialogs.js";
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
    message.direction === "in" && editable(message) ? entry("edit", "Editar", act(() => edit(message, phone.speaker))) : null,
    message.direction === "in" ? entry("trash", "Apagar para todos", act(() => phone.speaker.revoke(message))) : null,
    entry("copy", "Copiar texto", act(() => navigator.clipboard.writeText(message.text ?? preview(message)))),
    entry("info", "Informações e JSON", act(() => openInfo(message, phone.store))),
  );
  const close = popup(button, place, box);
}

function editable({ type }) {
  return ["text", "image", "video", "document"].includes(type);
}

async function edit(message, speaker) {
  const values = await form("Editar mensagem", [{ name: "text", label: "Texto", type: "area", required: true, value: textOf(message) }], { button: "Guardar" });
  if (values) await speaker.edit(message, values.text);
}

function textOf({ type, content, edited }) {
  const part = { ...content, ...edited }[type];
  return part.body ?? part.caption ?? "";
}

function entry(drawing, text, onclick, more = {}) {
  return h("button", { type: "button", role: "menuitem", onclick, ...more }, icon(drawing), text);
}
