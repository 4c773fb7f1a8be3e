// One message: its author, the message that it answers, its content, status and reactions.

import { contents } from "./contents.js";
import { fill, h, spoken } from "./dom.js";
import { iconButton } from "./icons.js";
import { openMessageMenu } from "./message-menu.js";
import { flat } from "./format.js";
import { preview } from "./preview.js";
import { ticks } from "./ticks.js";
import { hour } from "./time.js";

const AUTHORS = { business_app: "pelo celular da empresa", ai_agent: "por outro agente" };

export class Bubble {
  #phone;
  #message;
  #meta = h("span", { class: "meta" });
  #reactions = h("div", { class: "reactions" });
  #failure = h("p", { class: "failure" });
  #content = h("div", { class: "content" });
  #shown = null;

  /** `phone`: store, speaker, composer and business of the phone that shows it. */
  constructor(message, phone) {
    this.#phone = phone;
    this.#message = message;
    const mine = message.direction === "in";
    const menu = iconButton("down", "Ações da mensagem", () => this.#openMenu(menu), { class: "icon-button more", "aria-haspopup": "menu", "aria-expanded": "false" });
    this.body = h("div", { class: "bubble" }, spoken(mine ? "Você: " : `${phone.business.name}: `), this.#quote(), this.#content, this.#meta, menu);
    this.element = h("li", { class: `message ${mine ? "mine" : "theirs"} type-${message.type}`, "data-id": message.id }, this.body, this.#reactions, this.#failure);
    this.element.addEventListener("dblclick", ({ target }) => target.closest("button, a, input") || this.#answer());
    this.update(message);
  }

  /** Show a changed message: its status, reactions and, if it changed, its content. */
  update(message) {
    this.#message = message;
    this.#showContent(message);
    fill(this.#meta, this.#origin(message), h("time", { datetime: message.timestamp }, hour(message.timestamp)), ticks(message));
    const reactions = this.#phone.store.reactions(message);
    fill(this.#reactions, reactions.map(({ emoji, direction }) => this.#reaction(emoji, direction)));
    const errors = message.statuses.flatMap((status) => status.errors ?? []);
    fill(this.#failure, errors.map((error) => `Não entregue: ${error.code} ${error.title}`).join("; "));
    this.element.classList.toggle("failed", errors.length > 0);
  }

  #showContent(message) {
    const key = JSON.stringify([message.edited, message.revoked, message.media_url]);
    if (this.#shown === key) return;
    this.#shown = key;
    fill(this.#content, contents(message, this.#phone));
  }

  /** Return the note next to the time: edited, forwarded, or written on the business's own phone. */
  #origin({ edited, revoked, author, content }) {
    const { forwarded, frequently_forwarded: often } = content.context ?? {};
    const words = [edited && !revoked && "editada", (forwarded || often) && "encaminhada", AUTHORS[author] ?? null].filter(Boolean);
    return words.length ? h("span", {}, words.join(" · ")) : null;
  }

  #reaction(emoji, direction) {
    if (direction === "out") return h("span", { class: "reaction" }, spoken(`${this.#phone.business.name} reagiu com `), emoji);
    const back = () => this.#phone.speaker.react(this.#message, "");
    return h("button", { type: "button", class: "reaction", "aria-label": `Sua reação: ${emoji}. Remover`, title: "Remover", onclick: back }, emoji);
  }

  #quote() {
    const { context } = this.#message.content;
    const id = context?.message_id ?? context?.id;
    if (!id) return null;
    const quoted = this.#phone.store.messages.get(id);
    const who = !quoted ? "" : quoted.direction === "in" ? "Você" : this.#phone.business.name;
    const text = quoted ? flat(preview(quoted)) : ["Mensagem que não está mais aqui"];
    return h("button", { type: "button", class: "quote", onclick: () => this.#goTo(id) }, spoken("Em resposta a "), h("strong", {}, who), h("span", {}, text));
  }

  #goTo(id) {
    const target = this.element.parentElement.querySelector(`[data-id="${CSS.escape(id)}"]`);
    target?.scrollIntoView({ block: "center" });
    target?.querySelector(".more").focus();
  }

  #answer() {
    this.#phone.composer.answer(this.#message, this.#phone.business);
  }

  #openMenu(button) {
    openMessageMenu(button, this.body, this.#message, { ...this.#phone, answer: () => this.#answer() });
  }
}
