// Templates, as the simulator renders them.

import { h } from "./dom.js";
import { headerFile } from "./files.js";
import { formatted } from "./format.js";
import { action } from "./interactive.js";
import { safeUrl } from "./urls.js";

export function template(part, message, { speaker }) {
  const { header, body, footer, buttons = [] } = message.rendered ?? {};
  const kind = header && Object.keys(header)[0];
  return [
    header && kind !== "text" ? headerFile({ type: kind, [kind]: header[kind] }, message) : null,
    h(
      "div",
      { class: "text" },
      header?.text ? h("p", {}, h("strong", {}, header.text)) : null,
      formatted(body ?? `Modelo ${part.name}`),
      footer ? h("p", { class: "small" }, footer) : null,
    ),
    buttons.length ? h("div", { class: "actions" }, buttons.map((one) => button(one, message, speaker))) : null,
  ];
}

function button({ type, text, payload, url, code }, message, speaker) {
  if (type === "QUICK_REPLY") return action("reply", text, () => speaker.tap(message, payload));
  if (type === "REQUEST_CONTACT_INFO") return action("person", "Compartilhar número", () => speaker.shareNumber(message));
  if (safeUrl(url)) return h("a", { class: "action", href: safeUrl(url), target: "_blank", rel: "noopener noreferrer" }, text);
  if (code) return action("copy", text || "Copiar código", () => navigator.clipboard.writeText(code));
  return h("span", { class: "action" }, text);
}
