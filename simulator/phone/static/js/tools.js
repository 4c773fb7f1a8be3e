// The panel of tools, in tabs: the tour, faults, clock, traffic, addresses.

import { ActivityTab } from "./tab-activity.js";
import { AddressesTab } from "./tab-addresses.js";
import { ClockTab } from "./tab-clock.js";
import { FaultsTab } from "./tab-faults.js";
import { TourTab } from "./tab-tour.js";
import { fill, h } from "./dom.js";
import { iconButton } from "./icons.js";

const KEYS = { ArrowRight: 1, ArrowLeft: -1 };

export class Tools {
  #element;
  #opener = null;
  #tabs;
  #buttons;
  #shown = 0;
  #tour;

  /** open: shows a person's phone. */
  constructor(element, store, open) {
    this.#element = element;
    this.#tour = new TourTab(store, open);
    this.#tabs = [this.#tour, new FaultsTab(), new ClockTab(store), new ActivityTab(), new AddressesTab()];
    this.#buttons = this.#tabs.map(({ title }, index) =>
      h("button", { type: "button", role: "tab", id: `tab-${index}`, "aria-controls": `panel-${index}`, onclick: () => this.#show(index) }, title),
    );
    const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Ferramentas", onkeydown: (event) => this.#onKey(event) }, this.#buttons);
    const panels = this.#tabs.map((tab, index) => {
      for (const [name, value] of Object.entries({ role: "tabpanel", id: `panel-${index}`, "aria-labelledby": `tab-${index}` })) tab.element.setAttribute(name, value);
      return tab.element;
    });
    element.addEventListener("keydown", ({ key }) => key === "Escape" && this.#close());
    fill(element, h("header", { class: "bar" }, h("h2", {}, "Ferramentas"), iconButton("close", "Fechar ferramentas", () => this.#close())), tabs, panels);
  }

  /** Give the tabs the simulator's facts about the business, the stack and the faults. */
  know(facts) {
    for (const tab of this.#tabs) tab.know?.(facts);
  }

  /** Return whether the tour is worth showing without being asked for. */
  get tourIsNew() {
    return this.#tour.isNew;
  }

  /** Open or close the panel; `opener` is the button to which the focus returns. */
  toggle(opener) {
    this.#opener = opener;
    if (!this.#element.hidden) {
      this.#close();
      return;
    }
    this.#element.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    this.#show(this.#shown);
    this.#buttons[this.#shown].focus();
  }

  #close() {
    this.#element.hidden = true;
    this.#opener.setAttribute("aria-expanded", "false");
    this.#opener.focus();
  }

  #show(index) {
    this.#shown = index;
    for (const [at, button] of this.#buttons.entries()) {
      button.setAttribute("aria-selected", String(at === index));
      button.tabIndex = at === index ? 0 : -1;
      this.#tabs[at].element.hidden = at !== index;
    }
    return this.#tabs[index].refresh();
  }

  #onKey({ key }) {
    if (!KEYS[key]) return;
    const next = (this.#shown + KEYS[key] + this.#tabs.length) % this.#tabs.length;
    this.#buttons[next].focus();
    this.#show(next);
  }
}
