// How far a message has come: sent, delivered, read, failed.

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

/** The furthest status of a message. What a person writes is sent as soon as the simulator has it. */
export function statusOf({ direction, statuses }) {
  const names = new Set(statuses.map((one) => one.status));
  return ORDER.find((name) => names.has(name)) ?? (direction === "in" ? "sent" : "pending");
}

export function ticks(message) {
  const status = statusOf(message);
  const [drawing, words] = LOOKS[status];
  return h("span", { class: `ticks ${status}`, title: words }, icon(drawing), spoken(`, ${words}`));
}
