// Faults: set one by a preset or in detail, list the active ones, remove them.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { KINDS, PLACES, PRESETS, TAKES } from "./fault-words.js";
import { iconButton } from "./icons.js";

const NUMBERS = new Set(["times", "seconds", "code", "status", "retry_after", "copies", "size"]);
const LABELS = { times: "Quantas vezes (vazio: até remover)", seconds: "Segundos", code: "Código de erro", status: "Status HTTP", retry_after: "Retry-After (s)", copies: "Cópias a mais", size: "Quantos", text: "O que o modelo diz", contains: "Só se o texto contém" };

export class FaultsTab {
  title = "Falhas";
  element = h("section", { class: "tab" });
  #places = {};
  #active = h("ul", { class: "faults", "aria-live": "polite" });
  #fields = h("div", {});
  #place = h("select", { name: "on", onchange: () => this.#showKinds() });
  #kind = h("select", { name: "kind", onchange: () => this.#showFields() });

  know({ faults, codes }) {
    this.#places = faults;
    const options = Object.entries(codes).map(([code, title]) => h("option", { value: code }, `${code} ${title}`));
    fill(
      this.element,
      h("h3", {}, "Ativas"),
      this.#active,
      h("button", { type: "button", onclick: () => this.#after(api.removeFaults()) }, "Remover todas"),
      h("h3", {}, "Com um toque"),
      h("div", { class: "presets" }, PRESETS.map(([label, fault]) => h("button", { type: "button", onclick: () => this.#after(api.addFault(fault)) }, label))),
      h("h3", {}, "Em detalhe"),
      h(
        "form",
        { onsubmit: (event) => this.#submit(event) },
        h("label", { class: "field" }, h("span", {}, "Onde"), this.#place),
        h("label", { class: "field" }, h("span", {}, "O que acontece"), this.#kind),
        this.#fields,
        h("button", { type: "submit", class: "primary" }, "Ativar falha"),
      ),
      h("datalist", { id: "error-codes" }, options),
    );
    fill(this.#place, Object.keys(faults).map((place) => h("option", { value: place }, PLACES[place] ?? place)));
    this.#showKinds();
  }

  async refresh() {
    const faults = await api.faults();
    fill(this.#active, faults.map((fault) => this.#line(fault)));
    if (!faults.length) fill(this.#active, h("li", { class: "small" }, "Nenhuma falha: tudo funciona."));
  }

  #showKinds() {
    fill(this.#kind, this.#places[this.#place.value].map((kind) => h("option", { value: kind }, KINDS[kind] ?? kind)));
    this.#showFields();
  }

  #showFields() {
    const names = ["times", ...(TAKES[this.#kind.value] ?? []), "contains"];
    fill(this.#fields, names.map((name) => h("label", { class: "field" }, h("span", {}, LABELS[name]), field(name))));
  }

  #submit(event) {
    event.preventDefault();
    const fault = { on: this.#place.value, kind: this.#kind.value };
    for (const { name, value } of this.#fields.querySelectorAll("input")) {
      if (value) fault[name] = NUMBERS.has(name) ? Number(value) : value;
      else if (name === "times") fault.times = null;
    }
    return this.#after(api.addFault(fault));
  }

  async #after(done) {
    await done;
    await this.refresh();
  }

  #line(fault) {
    const left = fault.times === null ? "sempre" : `${fault.taken} de ${fault.times}`;
    const words = `${KINDS[fault.kind] ?? fault.kind} · ${PLACES[fault.on] ?? fault.on}`;
    const used = fault.times !== null && fault.taken >= fault.times;
    const more = [left, fault.code !== 131000 && String(fault.code), fault.contains && `“${fault.contains}”`, fault.waiting > 0 && `${fault.waiting} esperando`];
    return h(
      "li",
      { class: used ? "used" : "" },
      h("span", {}, h("strong", {}, words), h("span", { class: "small" }, more.filter(Boolean).join(" · "))),
      fault.kind === "hold" ? h("button", { type: "button", onclick: () => this.#after(api.releaseFault(fault.id)) }, "Soltar") : null,
      iconButton("trash", `Remover: ${words}`, () => this.#after(api.removeFault(fault.id))),
    );
  }
}

function field(name) {
  if (!NUMBERS.has(name)) return h("input", { name, type: "text", autocomplete: "off" });
  const value = name === "times" ? "1" : "";
  return h("input", { name, type: "number", min: "0", step: name === "seconds" ? "any" : "1", value, list: name === "code" ? "error-codes" : null });
}
