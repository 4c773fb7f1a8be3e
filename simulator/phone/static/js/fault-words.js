// Faults in Portuguese, and presets of frequent ones.

export const PLACES = { webhook: "Webhook para o gateway", send: "Envio do gateway", read: "Recibo de leitura", model: "Modelo", media: "Mídia", management: "Gestão (modelos, números)" };

export const KINDS = {
  delay: "Atrasar",
  hold: "Segurar até soltar",
  error: "Responder com erro",
  cut: "Cortar a conexão",
  lost_answer: "Perder a resposta depois de aceitar",
  expired: "Já expirou",
  failed: "Aceitar e depois falhar",
  undelivered: "Aceitar e nunca entregar",
  answer: "Resposta escrita aqui",
  refuse: "Recusar a conversa (400)",
  junk: "Responder com lixo",
  duplicate: "Duplicar",
  batch: "Juntar em um lote",
  reorder: "Inverter a ordem",
  drop: "Nunca entregar",
  storm: "Entregar de novo e de novo",
  bad_signature: "Assinatura errada na primeira tentativa",
};

/** The fields of each kind besides `times` and `contains`. */
export const TAKES = {
  delay: ["seconds"],
  error: ["code", "status", "retry_after"],
  failed: ["code"],
  answer: ["text"],
  junk: ["text"],
  duplicate: ["copies"],
  storm: ["copies", "seconds"],
  batch: ["size"],
  reorder: ["size"],
};

export const PRESETS = [
  ["Duplicar a próxima mensagem", { on: "webhook", kind: "duplicate", match: { kind: "messages" } }],
  ["Tempestade: 5 entregas da próxima", { on: "webhook", kind: "storm", copies: 5, seconds: 0.5, match: { kind: "messages" } }],
  ["Juntar as próximas 3 em um lote", { on: "webhook", kind: "batch", size: 3, match: { kind: "messages" } }],
  ["Inverter as próximas 2", { on: "webhook", kind: "reorder", size: 2, match: { kind: "messages" } }],
  ["Atrasar o próximo webhook 5 s", { on: "webhook", kind: "delay", seconds: 5 }],
  ["Assinar errado uma vez", { on: "webhook", kind: "bad_signature" }],
  ["Envio: erro 500", { on: "send", kind: "error", code: 131000, status: 500 }],
  ["Envio: limite 429", { on: "send", kind: "error", code: 130429, status: 429, retry_after: 2 }],
  ["Envio: limite do par 131056", { on: "send", kind: "error", code: 131056 }],
  ["Envio: perder a resposta", { on: "send", kind: "lost_answer" }],
  ["Envio: janela fechada 131047", { on: "send", kind: "failed", code: 131047 }],
  ["Envio: não entregável 131026", { on: "send", kind: "failed", code: 131026 }],
  ["Envio: token vencido 190", { on: "send", kind: "error", code: 190 }],
  ["Mídia: endereço expirado", { on: "media", kind: "expired" }],
  ["Modelo: lento (10 s)", { on: "model", kind: "delay", seconds: 10 }],
  ["Modelo: não vê imagens", { on: "model", kind: "refuse", match: { picture: true }, times: null }],
  ["Modelo: fora do ar", { on: "model", kind: "error", status: 503, times: 3 }],
];
