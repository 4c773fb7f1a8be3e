// Orders, tickets and facts of the customer: fetched once the panel is seen, and never in the way of the conversation.

import { $, fragment } from "./dom.js";

export class Business {
  #root = $("#business");
  #path;
  #signal;
  #begun = false;

  /** signal: aborted once the conversation is left. */
  constructor(base, signal) {
    this.#path = `${base}/business`;
    this.#signal = signal;
    this.load();
  }

  /** Fetch them, unless that has begun, or nobody sees the panel. */
  load() {
    if (!this.#root || this.#begun || !this.#root.checkVisibility()) return;
    this.#begun = true;
    this.#fetch();
  }

  /** Fetch them anew: they did not come, or others may be shown now. */
  again() {
    if (!this.#root) return;
    this.#show("waiting");
    this.#fetch();
  }

  async #fetch() {
    try {
      const found = await fragment(this.#path);
      if (this.#signal.aborted) return;
      this.#part("found").replaceChildren(found);
      this.#show("found");
    } catch {
      if (!this.#signal.aborted) this.#show("away");
    }
  }

  #show(state) {
    for (const name of ["waiting", "away"]) this.#part(name).hidden = name !== state;
    this.#root.setAttribute("aria-busy", String(state === "waiting"));
  }

  #part(name) {
    return $(`[data-business="${name}"]`, this.#root);
  }
}
