// The details of a message: its statuses, and the JSON of both directions.

import * as api from "./api.js";
import { outcomes } from "./attempts.js";
import { dialog } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { full } from "./time.js";

const WORDS = { sent: "Enviada", delivered: "Entregue", read: "Lida", played: "Ouvida", failed: "Não entregue" };

/** Show the dialog. */
export async function openInfo(message) {
  const raw = h("div", { "aria-live": "polite" }, "Carregando…");
  const shown = dialog("Informações da mensagem", () => h("div", { class: "info" }, facts(message), raw), { wide: true });
  const { webhooks, calls } = await api.raw(message);
  fill(
    raw,
    block("Conteúdo da mensagem", message.content),
    h("h3", {}, "Da Meta para o gateway (webhooks)"),
    webhooks.length ? webhooks.map(webhook) : h("p", { class: "small" }, "Nenhum ainda."),
    h("h3", {}, "Do gateway para a Meta (chamadas)"),
    calls.length ? calls.map(call) : h("p", { class: "small" }, "Nenhuma ainda."),
  );
  await shown;
}

function facts(message) {
  const rows = [
    ["Identificador", message.id],
    ["Tipo", message.type],
    ["Direção", message.direction === "in" ? "do cliente para a empresa" : "da empresa para o cliente"],
    [message.direction === "in" ? "Enviada" : "Aceita", full(message.timestamp)],
    ...message.statuses.map((one) => [WORDS[one.status] ?? one.status, full(Number(one.timestamp) * 1000)]),
    ["biz_opaque_callback_data", message.biz_opaque_callback_data],
  ].filter(([, value]) => value);
  return h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function webhook({ number, delivered, attempts, body }) {
  return block(`Webhook ${number}: ${delivered ? "aceito" : "não aceito"} (${outcomes(attempts)})`, body);
}

function call({ method, path, body, status, seconds }) {
  return block(`${method} ${path}: ${status ?? "em andamento"} (${seconds ?? "?"} s)`, body);
}

function block(title, value) {
  return h("details", { open: true }, h("summary", {}, title), h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2)));
}
