// The menu of a person: block, opt out, change the number, pass the conversation to another app.

import * as api from "./api.js";
import { form } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { popup } from "./popup.js";

/** Open the menu of a person's phone. */
export async function openPersonMenu(button, place, store, waId) {
  store.setPeople(await api.personas());
  const person = store.people.get(waId);
  const entries = actions(person).map(([drawing, label, action]) => h("button", { type: "button", role: "menuitem", onclick: () => act(action) }, icon(drawing), label));
  const act = async (action) => {
    close();
    await action();
    store.setPeople(await api.personas());
  };
  const close = popup(button, place, h("div", { class: "popup menu", role: "menu", "aria-label": `Sobre ${person.name}` }, entries));
}

function actions({ wa_id: waId, name, blocks, hidden, marketing, owner }) {
  const put = (values) => () => api.putPersona(waId, values);
  const stopped = marketing === "stop";
  const ours = owner === "us";
  return [
    ["failed", blocks ? "Desbloquear a empresa" : "Bloquear a empresa", put({ blocks: !blocks })],
    ["bolt", stopped ? "Aceitar promoções de novo" : "Parar promoções", () => api.preferences(waId, stopped ? "resume" : "stop")],
    ["person", hidden ? "Mostrar o número nos webhooks" : "Só identificador nos webhooks", put({ hidden: !hidden })],
    ["reply", ours ? "Passar a conversa a outro agente" : "Devolver a conversa a nós", () => api.giveTo(waId, ours ? "ai_agent" : "us")],
    ["devices", "Empresa responde pelo celular", () => answerByPhone(waId)],
    ["copy", "Trocar de número", () => changeNumber(waId, name)],
    ["info", "Novo aparelho (identidade)", () => api.newIdentity(waId)],
  ];
}

async function answerByPhone(waId) {
  const values = await form("Empresa responde pelo celular", [{ name: "text", label: "Mensagem", required: true, autocomplete: "off" }]);
  if (values) await api.echo(waId, values.text);
}

async function changeNumber(waId, name) {
  const values = await form(`Novo número de ${name}`, [{ name: "waId", label: "Número com código do país", type: "tel", required: true, value: `+${waId}` }]);
  if (values) await api.moveNumber(waId, { wa_id: values.waId });
}
