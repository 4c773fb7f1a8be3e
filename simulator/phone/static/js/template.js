// Templates. The phone knows their text only where the simulator sends it along; else it shows name and parameters.

import { h } from "./dom.js";
import { formatted } from "./format.js";
import { action } from "./interactive.js";

export function template(part, message, { speaker }) {
  const components = part.components ?? [];
  const buttons = components.filter((one) => one.type === "button" && one.sub_type === "quick_reply");
  const body = message.text ? formatted(message.text) : [h("p", { class: "small" }, `Modelo ${part.name} (${part.language?.code ?? ""})`), parameters(components)];
  const taps = buttons.map((one) => {
    const payload = one.parameters?.[0]?.payload ?? "";
    return action("reply", payload, () => speaker.quickReply(message, payload, payload));
  });
  return [h("div", { class: "text" }, body), taps.length ? h("div", { class: "actions" }, taps) : null];
}

function parameters(components) {
  const all = components.filter((one) => one.type !== "button").flatMap((one) => one.parameters ?? []);
  return h("ul", {}, all.map((one) => h("li", {}, one.text ?? one[one.type]?.fallback_value ?? one[one.type]?.link ?? one.type)));
}
