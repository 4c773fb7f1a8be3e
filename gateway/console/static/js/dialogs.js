// Dialogs about a conversation: to close it, put it aside, give it to somebody, change the department.

import { $, $$ } from "./dom.js";

const HOUR = 3_600_000;
const BEGINS = 8; // of a working day, o'clock

/** Return the time until which something is put aside, as the form says it; null: until the customer writes. */
export function until(when) {
  if (when === "reply") return null;
  if (when !== "tomorrow") return new Date(Date.now() + Number(when) * HOUR).toISOString();
  const day = new Date();
  day.setDate(day.getDate() + 1);
  day.setHours(BEGINS, 0, 0, 0);
  return day.toISOString();
}

export class Dialogs {
  #conversation;

  constructor(conversation) {
    this.#conversation = conversation;
    for (const dialog of $$("#pane dialog")) dialog.addEventListener("close", () => this.#closed(dialog));
  }

  ask(name) {
    const dialog = $(`#dialog-${name}`);
    if (!dialog) return;
    if (name !== "department") $("form", dialog).reset(); // what an earlier decision was told is of no use for this one
    dialog.returnValue = "";
    dialog.showModal();
  }

  #closed(dialog) {
    if (dialog.returnValue !== "yes") return;
    const form = $("form", dialog);
    const values = Object.fromEntries(new FormData(form));
    const { newest } = this.#conversation;
    const bodies = {
      close: () => ({ reason: values.reason, last_seen: newest || null }),
      snooze: () => ({ until: until(values.when), last_seen: newest || null }),
      assign: () => ({ to: values.to || null }),
      mark: () => ({ turn: values.turn, good: false, reason: values.reason }),
      department: () => ({ department: values.department }),
    };
    this.#conversation.act(form.dataset.do, bodies[form.dataset.do]());
  }
}
