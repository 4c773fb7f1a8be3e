// Buttons, lists, links and forms that the business offers, and a person's choice.

import { choose, form } from "./dialogs.js";
import { h } from "./dom.js";
import { formatted } from "./format.js";
import { headerFile } from "./files.js";
import { icon } from "./icons.js";
import { reply } from "./preview.js";
import { safeUrl } from "./urls.js";

const ACTIONS = { button, list, cta_url: link, flow, location_request_message: askLocation, request_contact_info: askNumber };

/** Return the content of `type: interactive`, of either direction. */
export function interactive(part, message, phone) {
  const chosen = reply(part);
  if (chosen) return h("div", { class: "text chosen" }, h("p", {}, chosen.title), chosen.description ? h("p", { class: "small" }, chosen.description) : null);
  const act = ACTIONS[part.type];
  return [framed(part, message), act ? h("div", { class: "actions" }, act(part, message, phone)) : null];
}

/** Return header, body and footer. */
function framed({ header, body, footer }, message) {
  return [
    header && header.type !== "text" ? headerFile(header, message) : null,
    h(
      "div",
      { class: "text" },
      header?.type === "text" ? h("p", { class: "header" }, h("strong", {}, header.text)) : null,
      formatted(body?.text ?? ""),
      footer?.text ? h("p", { class: "small" }, footer.text) : null,
    ),
  ];
}

/** Return a button below a message. */
export function action(name, text, onclick) {
  return h("button", { type: "button", class: "action", onclick }, icon(name), text);
}

function button(part, message, { speaker }) {
  const replies = (part.action?.buttons ?? []).map((one) => one.reply);
  return replies.map(({ id, title }) => action("reply", title, () => speaker.tap(message, id)));
}

function list(part, message, { speaker }) {
  const open = async () => {
    const row = await choose(part.action.button, part.action.sections ?? []);
    if (row) await speaker.tap(message, row.id);
  };
  return [action("list", part.action?.button ?? "Abrir", open)];
}

function link(part) {
  const { display_text: text, url } = part.action?.parameters ?? {};
  const href = safeUrl(url);
  if (!href) return [h("p", { class: "small" }, `Endereço que não se abre: ${url}`)];
  return [h("a", { class: "action", href, target: "_blank", rel: "noopener noreferrer" }, icon("link"), text)];
}

function flow(part, message, { speaker }) {
  const open = async () => {
    const values = await form(part.action?.parameters?.flow_cta ?? "Formulário", [
      { name: "answers", label: "Respostas do formulário (JSON)", type: "area", value: "{}", required: true, check: jsonProblem },
    ]);
    if (values) await speaker.submit(message, JSON.parse(values.answers));
  };
  return [action("list", part.action?.parameters?.flow_cta ?? "Abrir formulário", open)];
}

function askLocation(_part, message, { composer }) {
  return [action("pin", "Enviar localização", () => composer.location(message))];
}

function askNumber(_part, message, { speaker }) {
  return [action("person", "Compartilhar número", () => speaker.shareNumber(message))];
}

function jsonProblem(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? "" : "Escreva um objeto JSON.";
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `Isto não é JSON: ${error.message}`;
  }
}
