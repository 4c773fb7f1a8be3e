// One person's phone: its header, the conversation with the business, and the composer.

import { avatar } from "./avatar.js";
import { Bubble } from "./bubble.js";
import { Composer } from "./composer.js";
import { fill, h, newId } from "./dom.js";
import { iconButton } from "./icons.js";
import { openPersonMenu } from "./person-menu.js";
import { Speaker } from "./speaker.js";
import { isChangeOfAnother } from "./store.js";
import { day, hour, sameDay, windowEnd } from "./time.js";

const NEAR_PX = 80; // at most this far from the end, new messages scroll into view
const MAX_BUBBLES = 400; // bubbles; older messages are left out of the page

export class Phone {
  #store;
  #waId;
  #business;
  #speaker;
  #composer;
  #bubbles = new Map();
  #last = null;
  #listeners = new AbortController();
  #state = h("p", { class: "phone-state", role: "status" });
  #log;
  #scroller;
  #jump = iconButton("down", "Ir para o fim da conversa", () => this.#toEnd(), { class: "icon-button jump", hidden: true });

  constructor(store, waId, business, { back, close }) {
    this.#store = store;
    this.#waId = waId;
    this.#business = business;
    const title = newId("phone");
    const person = store.people.get(waId);
    this.#speaker = new Speaker(waId);
    this.#composer = new Composer(this.#speaker, person.name);
    this.#log = h("ol", { class: "log", role: "log", "aria-label": `Mensagens de ${person.name}`, "aria-live": "polite" });
    this.#scroller = h("div", { class: "log-scroller", tabindex: "0", role: "group", "aria-label": `Conversa de ${person.name}`, onscroll: () => this.#scrolled() }, this.#log);
    const menu = iconButton("more", `Mais sobre ${person.name}`, () => openPersonMenu(menu, header, store, waId), { "aria-haspopup": "menu", "aria-expanded": "false" });
    const header = h(
      "header",
      { class: "phone-bar" },
      iconButton("back", "Voltar à lista", back, { class: "icon-button narrow-only" }),
      avatar(person),
      h("div", { class: "phone-who" }, h("h2", { id: title }, person.name), this.#state),
      menu,
      iconButton("close", `Fechar o telefone de ${person.name}`, close, { class: "icon-button wide-only" }),
    );
    this.element = h("section", { class: "phone", "aria-labelledby": title, "data-wa-id": waId }, header, h("div", { class: "log-frame" }, this.#scroller, this.#jump), this.#composer.element);
    for (const message of store.chat(waId).slice(-MAX_BUBBLES)) this.#show(message);
    this.#follow();
  }

  #follow() {
    const { signal } = this.#listeners;
    this.#store.addEventListener("message", ({ detail }) => detail.wa_id === this.#waId && this.#changed(detail), { signal });
    this.#store.addEventListener("typing", () => this.#showState(), { signal });
    this.#showState();
  }

  focus() {
    this.#store.seen(this.#waId);
    this.#composer.focus();
  }

  /** Remove the phone from the page. */
  leave() {
    this.#listeners.abort();
    this.#composer.leave();
    this.element.remove();
  }

  #changed(message) {
    if (message.type === "reaction") {
      const target = this.#store.messages.get(message.content.reaction?.message_id);
      if (target) this.#bubbles.get(target.id)?.update(target);
    }
    if (isChangeOfAnother(message)) return;
    const known = this.#bubbles.get(message.id);
    if (known) known.update(message);
    else this.#append(message);
    this.#showState();
  }

  #append(message) {
    const near = this.#atEnd() || message.direction === "in";
    this.#show(message);
    if (near) this.#toEnd();
    else this.#jump.hidden = false;
    if (!document.hidden) this.#store.seen(this.#waId);
  }

  #show(message) {
    if (!this.#last || !sameDay(this.#last.timestamp, message.timestamp)) {
      this.#log.append(h("li", { class: "day" }, h("span", {}, day(message.timestamp))));
    }
    const bubble = new Bubble(message, { store: this.#store, speaker: this.#speaker, composer: this.#composer, business: this.#business });
    bubble.element.classList.toggle("first", this.#last?.direction !== message.direction);
    this.#bubbles.set(message.id, bubble);
    this.#log.append(bubble.element);
    this.#last = message;
  }

  #showState() {
    const typing = this.#store.typing.has(this.#waId);
    const theirs = this.#store.chat(this.#waId).filter((one) => one.direction === "in");
    const end = windowEnd(theirs.at(-1)?.timestamp, this.#store.people.get(this.#waId)?.wrote);
    const open = end ? `janela até ${hour(end)}` : "janela fechada";
    const text = typing ? `${this.#business.name} está digitando…` : `${this.#business.name} · ${open}`;
    if (this.#state.textContent === text) return;
    fill(this.#state, text);
    this.#state.classList.toggle("typing", typing);
  }

  #atEnd() {
    return this.#scroller.scrollTop > -NEAR_PX; // scrolling counts from the end, see chat.css
  }

  #toEnd() {
    this.#scroller.scrollTop = 0;
    this.#jump.hidden = true;
  }

  #scrolled() {
    if (this.#atEnd()) this.#jump.hidden = true;
  }
}
