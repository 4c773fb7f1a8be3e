// The list of people: their names, last messages, and open phones.

import * as api from "./api.js";
import { avatar } from "./avatar.js";
import { form } from "./dialogs.js";
import { fill, h, spoken } from "./dom.js";
import { flat } from "./format.js";
import { iconButton } from "./icons.js";
import { preview } from "./preview.js";
import { toggleTheme } from "./theme.js";
import { hour } from "./time.js";

const MAX_SHOWN = 60; // people; the search finds the others

export class People {
  #store;
  #actions;
  #frame = 0;
  #list = h("ul", { class: "people-list" });
  #search = h("input", { type: "search", "aria-label": "Procurar pessoa", placeholder: "Procurar", oninput: () => this.render() });
  #connection = h("p", { class: "connection", role: "status" });

  constructor(element, store, actions) {
    this.#store = store;
    this.#actions = actions;
    fill(element, this.#bar(), h("div", { class: "search" }, this.#search), this.#connection, this.#list);
    store.addEventListener("people", () => this.#renderSoon());
    store.addEventListener("connection", ({ detail }) => {
      this.#connection.textContent = detail ? "" : "Sem conexão com o simulador. Tentando de novo…";
    });
  }

  #bar() {
    const tools = iconButton("gear", "Passeio, falhas, relógio e endereços", () => this.#actions.tools.toggle(tools), {
      "aria-expanded": "false",
      "aria-controls": "tools",
    });
    this.openTools = () => this.#actions.tools.toggle(tools);
    return h(
      "header",
      { class: "bar" },
      h("h1", {}, "Simulador"),
      iconButton("moon", "Alternar tema claro e escuro", () => toggleTheme()),
      iconButton("add", "Nova pessoa", () => this.#invite()),
      tools,
    );
  }

  #renderSoon() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.render();
    });
  }

  /** Render the list; the focus stays on its entry. */
  render() {
    const focused = document.activeElement?.closest?.(".person")?.dataset.waId;
    const last = this.#store.last();
    const wanted = this.#search.value.trim().toLowerCase();
    const fits = (one) => !wanted || one.name.toLowerCase().includes(wanted) || one.wa_id.includes(wanted);
    const when = (one) => last.get(one.wa_id)?.timestamp ?? "";
    const people = [...this.#store.people.values()].filter(fits);
    people.sort((one, other) => when(other).localeCompare(when(one)));
    fill(this.#list, people.slice(0, MAX_SHOWN).map((one) => this.#person(one, last.get(one.wa_id))));
    if (focused) this.focus(focused);
  }

  focus(waId) {
    this.#list.querySelector(`[data-wa-id="${CSS.escape(waId)}"] button`)?.focus();
  }

  #person(one, message) {
    const open = this.#actions.isOpen(one.wa_id);
    const unread = open ? 0 : (this.#store.unread.get(one.wa_id) ?? 0);
    const typing = this.#store.typing.has(one.wa_id);
    const lower = h("span", { class: typing ? "person-last typing" : "person-last" }, typing ? "digitando…" : message ? flat(preview(message)) : one.wa_id);
    const button = h(
      "button",
      { type: "button", "aria-current": open ? "true" : null, onclick: () => this.#actions.open(one.wa_id) },
      avatar(one),
      h("span", { class: "person-name" }, one.name),
      message ? h("time", { datetime: message.timestamp }, hour(message.timestamp)) : null,
      lower,
      unread ? h("span", { class: "badge" }, String(unread), spoken(" não lidas")) : null,
    );
    return h("li", { class: "person", "data-wa-id": one.wa_id }, button);
  }

  async #invite() {
    const values = await form("Nova pessoa", [
      { name: "name", label: "Nome", required: true, autocomplete: "off" },
      { name: "waId", label: "Número com código do país", required: true, type: "tel", pattern: "[\\d\\s+\\(\\)\\-]{7,24}", value: suggestion(this.#store) },
      { name: "hidden", label: "Só com identificador (BSUID): os webhooks não mostram o número", type: "checkbox" },
    ]);
    if (!values) return;
    const { wa_id: waId } = await api.putPersona(values.waId, { name: values.name, hidden: values.hidden });
    this.#store.setPeople(await api.personas());
    this.#actions.open(waId);
  }
}

/** Return a Brazilian mobile number that no person has yet. */
function suggestion(store) {
  let number = 5511990000001;
  while (store.people.has(String(number))) number += 1;
  return `+${number}`;
}
