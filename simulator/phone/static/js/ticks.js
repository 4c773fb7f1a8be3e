// The status of a message: sent, delivered, read, failed.

import { h, spoken } from "./dom.js";
import { icon } from "./icons.js";

const ORDER = ["failed", "played", "read", "delivered", "sent"];
const LOOKS = {
  failed: ["failed", "não entregue"],
  played: ["checks", "ouvida"],
  read: ["checks", "lida"],
  delivered: ["checks", "entregue"],
  sent: ["check", "enviada"],
  pending: ["clock", "aguardando"],
};

/** Return the furthest status of a message. A person's is sent once the simulator has it, delivered once the gateway has. */
export function statusOf({ direction, statuses, arrived }) {
  const names = new Set(statuses.map((one) => one.status));
  if (direction === "in") names.add(arrived ? "delivered" : "sent");
  return ORDER.find((name) => names.has(name)) ?? "pending";
}

export function ticks(message) {
  const status = statusOf(message);
  const [drawing, words] = LOOKS[status];
  return h("span", { class: `ticks ${status}`, title: words }, icon(drawing), spoken(`, ${words}`));
}
