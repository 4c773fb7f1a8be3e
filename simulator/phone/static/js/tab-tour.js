// A tour of the product in five steps. Each one is a tap here, and is seen in the conversation.

import * as api from "./api.js";
import { fill, h, spoken } from "./dom.js";
import { icon } from "./icons.js";
import { Speaker } from "./speaker.js";
import { safeUrl } from "./urls.js";

const KEY = "phone-tour"; // numbers of the steps that were done

export class TourTab {
  title = "Passeio";
  element = h("section", { class: "tab" });
  #store;
  #open;
  #console = null;

  /** open: called with the number of the person whose phone shows the tour. */
  constructor(store, open) {
    this.#store = store;
    this.#open = open;
  }

  know({ addresses }) {
    this.#console = safeUrl(addresses.console);
    this.#show();
  }

  refresh() {
    this.#show();
  }

  /** Return whether nobody has begun the tour in this browser, and everything that it needs runs. */
  get isNew() {
    return this.#console !== null && localStorage.getItem(KEY) === null;
  }

  #show() {
    const steps = [
      ["Pergunte por um pedido", "O agente consulta os dados da loja e responde só sobre os pedidos de quem escreve.", this.#button("Mandar a pergunta", (maria) => maria.text("Olá! Onde está o meu pedido 12345?"))],
      ["Mande uma foto", "O arquivo vai pela nuvem da Meta até o agente, que responde ao que vê.", this.#button("Mandar uma foto", picture)],
      ["Peça uma pessoa", "O agente pergunta, resume o caso e passa a conversa para a fila.", this.#button("Pedir uma pessoa", (maria) => maria.text("Quero falar com uma pessoa, por favor."))],
      ["Responda como atendente", "Entre no console, assuma a conversa e responda. O usuário e a senha estão na tabela que make run mostrou.", this.#link()],
      ["Quebre a Meta", "A Meta aceita o próximo envio e perde a resposta. Nada se perde, e nada chega duas vezes.", this.#button("Perder a resposta e escrever", lostAnswer)],
    ];
    fill(
      this.element,
      h("p", { class: "small" }, "Cinco passos pelo produto inteiro, com a conversa ao lado."),
      h("ol", { class: "tour" }, steps.map(([name, words, action], index) => this.#step(index, name, words, action))),
    );
  }

  #step(index, name, words, action) {
    const done = this.#done().includes(index);
    const element = h("li", { class: done ? "done" : "" }, h("h3", {}, name, done ? [icon("check"), spoken(" (feito)")] : null), h("p", {}, words), action);
    action?.addEventListener("click", () => this.#finish(index));
    return element;
  }

  #button(label, act) {
    return h("button", { type: "button", onclick: () => this.#perform(act) }, label);
  }

  #link() {
    if (!this.#console) return h("p", { class: "small" }, "O console só roda com make run.");
    return h("a", { class: "button", href: this.#console, target: "_blank", rel: "noopener noreferrer" }, "Abrir o console");
  }

  async #perform(act) {
    const [waId] = this.#store.people.keys();
    this.#open(waId);
    await act(new Speaker(waId));
  }

  #done() {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  }

  #finish(index) {
    localStorage.setItem(KEY, JSON.stringify([...new Set([...this.#done(), index])]));
    this.#show();
  }
}

/** Send a drawing of a pair of glasses. */
async function picture(maria) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 400];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#f3efe6";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  [pen.strokeStyle, pen.lineWidth] = ["#3b2f2f", 14];
  for (const x of [200, 440]) {
    pen.beginPath();
    pen.ellipse(x, 210, 95, 75, 0, 0, 2 * Math.PI);
    pen.stroke();
  }
  for (const [x, y, toX, toY] of [[295, 190, 345, 190], [108, 185, 50, 150], [532, 185, 590, 150]]) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(toX, toY);
    pen.stroke();
  }
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg"));
  await maria.file("image", new File([blob], "oculos.jpg", { type: "image/jpeg" }), { caption: "É este modelo que eu procuro." });
}

async function lostAnswer(maria) {
  await api.addFault({ on: "send", kind: "lost_answer", times: 1 });
  await maria.text("Até que horas a loja fica aberta hoje?");
}
