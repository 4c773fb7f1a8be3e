// A message in one line of text: for the list, quotes and screen readers.

const NAMES = {
  image: "📷 Imagem",
  video: "🎬 Vídeo",
  audio: "🎵 Áudio",
  document: "📄 Documento",
  sticker: "🌟 Figurinha",
  location: "📍 Localização",
  contacts: "👤 Contato",
  interactive: "Mensagem interativa",
  template: "Modelo de mensagem",
  button: "Resposta",
  order: "🛒 Pedido",
  reaction: "Reação",
};

/** Return a message's text, with its formatting marks. */
export function preview({ type, content, rendered }) {
  if (rendered?.body) return rendered.body;
  const part = content[type] ?? {};
  const name = type === "audio" && part.voice ? "🎤 Mensagem de voz" : (NAMES[type] ?? type);
  const more = details(type, part);
  if (type === "text" || type === "interactive" || type === "button") return more || name;
  return more ? `${name}: ${more}` : name;
}

function details(type, part) {
  if (type === "text") return part.body ?? "";
  if (type === "interactive") return reply(part)?.title ?? part.body?.text ?? "";
  if (type === "button") return part.text ?? "";
  if (type === "contacts") return (Array.isArray(part) ? part : []).map(({ name }) => name?.formatted_name ?? "").join(", ");
  return [part.caption, part.filename, part.name, part.emoji].find((text) => typeof text === "string" && text) ?? "";
}

/** Return an inbound message's choice of buttons or a list, or undefined. */
export function reply(part) {
  return part.button_reply ?? part.list_reply ?? (part.nfm_reply && { title: part.nfm_reply.body ?? "Formulário enviado" });
}
