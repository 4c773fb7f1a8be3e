// A coloured disc with a person's initials.

import { h } from "./dom.js";

const TINTS = 6;

/** Return a person's disc; it is decoration, as the name is next to it. */
export function avatar({ name, wa_id: waId = "0" }) {
  const words = name.split(/\s+/).filter(Boolean);
  const initials = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("");
  const tint = [...waId].reduce((sum, digit) => sum + Number(digit), 0) % TINTS;
  return h("span", { class: `avatar tint-${tint}`, "aria-hidden": "true" }, initials.toUpperCase());
}
