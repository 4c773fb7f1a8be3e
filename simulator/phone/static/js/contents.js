// The content of a message by its type. A new type needs a function here.

import { fileContents } from "./files.js";
import { h } from "./dom.js";
import { formatted } from "./format.js";
import { icon } from "./icons.js";
import { interactive } from "./interactive.js";
import { template } from "./template.js";

const SHOW = {
  text: (part) => h("div", { class: "text" }, formatted(part.body ?? "")),
  image: fileContents,
  video: fileContents,
  audio: fileContents,
  document: fileContents,
  sticker: fileContents,
  location,
  contacts: (part) => (Array.isArray(part) ? part : []).map(contact),
  interactive,
  template,
  system: (part) => h("div", { class: "text" }, h("p", { class: "small" }, part.body ?? part.type)),
  button: (part) => h("div", { class: "text" }, h("p", {}, part.text ?? "")),
  order,
};

/** Return the nodes of a message's content. */
export function contents(message, phone) {
  if (message.revoked) return h("div", { class: "text" }, h("p", { class: "small gone" }, "Mensagem apagada"));
  const { type, ...content } = message.edited ? { ...message.content, ...message.edited } : message.content;
  const show = SHOW[type];
  const errors = content.errors?.map(({ code, title }) => `${code} ${title}`).join("; ");
  if (errors) return h("div", { class: "text" }, h("p", { class: "small gone" }, `Chega à empresa como erro: ${errors}`));
  return show && content[type] ? show(content[type], { ...message, type }, phone) : unknown(message);
}

function location({ latitude, longitude, name, address }) {
  return h(
    "div",
    { class: "location" },
    h("div", { class: "map", role: "img", "aria-label": `Mapa: ${latitude}, ${longitude}` }, icon("pin")),
    name ? h("strong", {}, name) : null,
    address ? h("span", {}, address) : null,
    h("span", { class: "small" }, `${latitude}, ${longitude}`),
  );
}

function contact({ name, phones = [], emails = [], org }) {
  const lines = [org?.company, ...phones.map(({ phone }) => phone), ...emails.map(({ email }) => email)].filter(Boolean);
  return h("div", { class: "card" }, icon("person"), h("div", {}, h("strong", {}, name?.formatted_name ?? ""), lines.map((line) => h("span", {}, line))));
}

function order({ product_items: items = [], text }) {
  const lines = items.map((item) => h("li", {}, `${item.quantity} × ${item.product_retailer_id}: ${item.item_price} ${item.currency}`));
  return h("div", { class: "text" }, text ? h("p", {}, text) : null, h("ul", {}, lines));
}

function unknown({ type, content }) {
  return h("div", { class: "text" }, h("p", { class: "small" }, `Mensagem do tipo “${type}”`), h("pre", {}, JSON.stringify(content[type] ?? content, null, 1)));
}
