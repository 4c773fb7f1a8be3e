// The traffic, newest first: webhooks to the gateway, calls from it.

import * as api from "./api.js";
import { outcomes } from "./attempts.js";
import { fill, h } from "./dom.js";

const MAX_SHOWN = 50;
const HOUR = new Intl.DateTimeFormat("pt-BR", { timeStyle: "medium" });

export class ActivityTab {
  title = "Tráfego";
  #list = h("div", {});
  element = h("section", { class: "tab" }, h("button", { type: "button", onclick: () => this.refresh() }, "Atualizar"), this.#list);

  async refresh() {
    const [calls, webhooks] = await Promise.all([api.calls(), api.webhooks()]);
    const lines = [...calls.map(call), ...webhooks.map(webhook)].sort((one, other) => other.at - one.at);
    fill(this.#list, lines.slice(0, MAX_SHOWN).map(({ node }) => node));
    if (!lines.length) fill(this.#list, h("p", { class: "small" }, "Nada ainda."));
  }
}

function call({ at, method, path, status, body }) {
  return { at, node: block(at, `→ ${method} ${path}`, status ?? "…", body) };
}

function webhook({ number, attempts, body }) {
  const at = attempts[0]?.at ?? Infinity;
  return { at, node: block(at, `← webhook ${number}`, outcomes(attempts), JSON.parse(body)) };
}

function block(at, title, outcome, body) {
  const when = Number.isFinite(at) ? HOUR.format(new Date(at * 1000)) : "…";
  return h("details", {}, h("summary", {}, h("span", { class: "small" }, when), ` ${title} `, h("strong", {}, String(outcome))), h("pre", { tabindex: "0" }, JSON.stringify(body, null, 2)));
}
