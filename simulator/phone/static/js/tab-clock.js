// Meta's clock, and the delays of statuses.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { readClock } from "./live.js";
import { full, now, offset } from "./time.js";

const HOUR = 3600;
const STEPS = [["+1 h", HOUR], ["+23 h", 23 * HOUR], ["+25 h (fecha a janela)", 25 * HOUR], ["+8 dias", 8 * 24 * HOUR]];
const TICKS = { sent: "Enviada depois de (s)", delivered: "Entregue depois de (s)", read: "Lida depois de (s)" };

export class ClockTab {
  title = "Relógio";
  #store;
  #shown = h("p", { class: "clock", role: "status" });
  #moment = h("input", { type: "datetime-local", step: "1", required: true });
  #ticks = h("form", { onsubmit: (event) => this.#saveTicks(event) });
  element = h("section", { class: "tab" });

  constructor(store) {
    this.#store = store;
    fill(
      this.element,
      h("h3", {}, "Relógio da Meta"),
      this.#shown,
      h("div", { class: "presets" }, STEPS.map(([label, seconds]) => h("button", { type: "button", onclick: () => this.#move({ advance_seconds: seconds }) }, label))),
      h("form", { onsubmit: (event) => this.#goTo(event) }, h("label", { class: "field" }, h("span", {}, "Ir para"), this.#moment), h("button", { type: "submit", class: "primary" }, "Ajustar")),
      h("button", { type: "button", onclick: () => this.#after(api.resetClock()) }, "Voltar à hora real"),
      h("h3", {}, "Ticks das mensagens da empresa"),
      h("p", { class: "small" }, "Vazio: nunca acontece."),
      this.#ticks,
      h("h3", {}, "Começar de novo"),
      h("button", { type: "button", class: "danger", onclick: () => api.reset() }, "Apagar conversas, pessoas e falhas"),
    );
  }

  async refresh() {
    const seconds = await readClock();
    this.#shown.textContent = `${full(now())}${seconds ? ` (${offset(seconds)})` : " (hora real)"}`;
    const { ticks } = await api.settings();
    const inputs = Object.entries(TICKS).map(([name, label]) =>
      h("label", { class: "field" }, h("span", {}, label), h("input", { name, type: "number", min: "0", step: "any", value: ticks[name] ?? "" })),
    );
    fill(this.#ticks, inputs, h("button", { type: "submit", class: "primary" }, "Guardar"));
  }

  #move(change) {
    return this.#after(api.moveClock(change));
  }

  #goTo(event) {
    event.preventDefault();
    return this.#move({ now: new Date(this.#moment.value).toISOString() });
  }

  #saveTicks(event) {
    event.preventDefault();
    const inputs = [...this.#ticks.querySelectorAll("input")];
    return this.#after(api.patchSettings({ ticks: Object.fromEntries(inputs.map(({ name, value }) => [name, value === "" ? null : Number(value)])) }));
  }

  async #after(done) {
    await done;
    await this.refresh();
    this.#store.clockMoved();
  }
}
