// A coloured disc with initials.

import { h } from "./dom.js";

const TINTS = 6;

/** The disc of somebody; decoration, as the name stands beside it. */
export function avatar({ name, wa_id: waId = "0" }) {
  const words = name.split(/\s+/).filter(Boolean);
  const initials = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("");
  const tint = [...waId].reduce((sum, digit) => sum + Number(digit), 0) % TINTS;
  return h("span", { class: `avatar tint-${tint}`, "aria-hidden": "true" }, initials.toUpperCase());
}
