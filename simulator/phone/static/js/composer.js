// The composer: text, emoji, files, voice notes, and the message that is answered.

import { attachments } from "./attach.js";
import { fill, h, newId } from "./dom.js";
import { openEmoji } from "./emoji.js";
import { icon, iconButton } from "./icons.js";
import { flat } from "./format.js";
import { preview } from "./preview.js";
import { VoiceNote } from "./voice-note.js";
import { popup } from "./popup.js";

export class Composer {
  #speaker;
  #answered = null;
  #quote = h("div", { class: "answering", hidden: true });
  #text;
  #row;
  #mic;
  #send;
  #attach;
  #voice;

  constructor(speaker, name) {
    this.#speaker = speaker;
    this.#text = h("textarea", { rows: "1", "aria-label": `Mensagem de ${name}`, placeholder: "Mensagem", enterkeyhint: "send", maxlength: "65536" });
    this.#text.addEventListener("keydown", (event) => this.#onKey(event));
    this.#text.addEventListener("input", () => this.#grow());
    this.#text.addEventListener("paste", (event) => this.#onFiles(event, event.clipboardData));
    const emoji = iconButton("smile", "Emojis", () => openEmoji(emoji, this.element, (one) => this.#insert(one)), { "aria-haspopup": "dialog", "aria-expanded": "false" });
    this.#attach = iconButton("add", "Anexar", () => this.#openMenu(), { "aria-haspopup": "menu", "aria-expanded": "false" });
    this.#mic = iconButton("microphone", "Gravar mensagem de voz", () => this.#record());
    this.#send = iconButton("send", "Enviar", () => this.#sendText(), { class: "icon-button send", hidden: true });
    this.#row = h("div", { class: "composer-row" }, emoji, this.#attach, this.#text, this.#mic, this.#send);
    this.element = h("div", { class: "composer" }, this.#quote, this.#row);
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => this.#onFiles(event, event.dataTransfer));
    this.attachments = attachments(speaker, () => this.#take());
  }

  focus() {
    this.#text.focus();
  }

  leave() {
    this.#voice?.cancel();
  }

  /** Let the next message answer this one. */
  answer(message, business) {
    this.#answered = message;
    const who = message.direction === "in" ? "Você" : business.name;
    const id = newId("answering");
    const words = h("p", { id }, h("strong", {}, `Resposta a ${who}`), h("span", {}, flat(preview(message))));
    fill(this.#quote, icon("reply"), words, iconButton("close", "Não responder", () => this.#forget()));
    this.#quote.hidden = false;
    this.#text.setAttribute("aria-describedby", id);
    this.focus();
  }

  /** Ask for a location and send it, in answer to a message. */
  location(message) {
    return this.attachments.location.open(message);
  }

  #forget() {
    this.#answered = null;
    this.#quote.hidden = true;
    this.#text.removeAttribute("aria-describedby");
    this.focus();
  }

  /** Return the answered message, once. */
  #take() {
    const answered = this.#answered;
    if (answered) this.#forget();
    return answered;
  }

  #onKey(event) {
    if (event.key === "Escape" && this.#answered) this.#forget();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#sendText();
  }

  async #sendText() {
    const body = this.#text.value;
    if (!body.trim()) return;
    this.#text.value = "";
    this.#grow();
    this.focus();
    await this.#speaker.text(body, this.#take());
  }

  #grow() {
    const empty = !this.#text.value;
    this.#mic.hidden = !empty;
    this.#send.hidden = empty;
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }

  #insert(text) {
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#grow();
    this.focus();
  }

  #openMenu() {
    const choose = (open) => () => {
      close();
      open();
    };
    const entries = Object.values(this.attachments).map(({ icon: name, label, open }) =>
      h("button", { type: "button", role: "menuitem", onclick: choose(() => open()) }, icon(name), label),
    );
    const close = popup(this.#attach, this.element, h("div", { class: "popup menu attach", role: "menu", "aria-label": "Anexar" }, entries));
  }

  #onFiles(event, transfer) {
    const [file] = transfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    this.attachments.document.offer(file);
  }

  async #record() {
    this.#voice = new VoiceNote();
    this.#row.hidden = true;
    this.element.append(this.#voice.element);
    try {
      const file = await this.#voice.record();
      if (file) await this.#speaker.file("audio", file, { voice: true }, this.#take());
    } finally {
      this.#voice.element.remove();
      this.#voice = null;
      this.#row.hidden = false;
      this.#mic.focus();
    }
  }
}
