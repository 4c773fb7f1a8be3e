// The addresses of the local stack.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { safeUrl } from "./urls.js";

const NAMES = {
  gateway: "Gateway",
  webhook: "Webhook do gateway",
  health: "Saúde do gateway",
  metrics: "Métricas do gateway",
  console: "Console de atendimento",
  work: "Worker do gateway",
  "work metrics": "Métricas do worker",
  agent: "Servidor do agente",
  studio: "LangGraph Studio",
  "graph api": "Cloud API",
  model: "Modelo",
  postgres: "Postgres",
  redis: "Redis",
  simulator: "Simulador",
  phone: "Esta página",
};

export class AddressesTab {
  title = "Endereços";
  #list = h("dl", { class: "addresses" });
  element = h("section", { class: "tab" }, this.#list);

  know({ addresses }) {
    fill(this.#list, Object.entries(addresses).map(([name, address]) => h("div", {}, h("dt", {}, NAMES[name] ?? name), h("dd", {}, shown(address)))));
  }

  async refresh() {
    this.know(await api.facts());
  }
}

function shown(address) {
  const href = safeUrl(address);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, address) : h("code", {}, address);
}
