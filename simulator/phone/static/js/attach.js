// Attachments: files of each kind, a location, a contact.

import { dialog, form } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

const DEMO_PLACE = { latitude: "-23.561414", longitude: "-46.655881", name: "Avenida Paulista", address: "São Paulo, SP" };

/** Return the entries of the menu by name: `{icon, label, open}`. `take()` returns the answered message, once. */
export function attachments(speaker, take) {
  const file = (kind, drawing, label, accept) => ({
    icon: drawing,
    label,
    open: () => pickFile(accept, (picked) => offer(speaker, kind, picked, take)),
    offer: (picked) => offer(speaker, kindOf(picked), picked, take),
  });
  return {
    image: file("image", "picture", "Imagem", "image/jpeg,image/png"),
    video: file("video", "play", "Vídeo", "video/mp4,video/3gpp"),
    audio: file("audio", "music", "Áudio", "audio/*"),
    voice: { icon: "microphone", label: "Mensagem de voz (arquivo)", open: () => pickFile("audio/*", (picked) => speaker.file("audio", picked, { voice: true }, take())) },
    document: file("document", "document", "Documento", ""),
    sticker: file("sticker", "sticker", "Figurinha", "image/webp"),
    location: { icon: "pin", label: "Localização", open: (message) => sendPlace(speaker, message ?? take()) },
    contact: { icon: "person", label: "Contato", open: () => sendContact(speaker, take) },
  };
}

function kindOf({ type }) {
  if (type === "image/webp") return "sticker";
  const kind = type.split("/")[0];
  return ["image", "video", "audio"].includes(kind) ? kind : "document";
}

function pickFile(accept, onpick) {
  const input = h("input", { type: "file", accept, class: "spoken", tabindex: "-1", "aria-label": "Arquivo" });
  input.addEventListener("change", () => {
    input.remove();
    if (input.files[0]) onpick(input.files[0]);
  });
  input.addEventListener("cancel", () => input.remove());
  document.body.append(input);
  input.click();
}

/** Show the file before it is sent, with a field for a caption. */
async function offer(speaker, kind, file, take) {
  const caption = await preview(kind, file);
  if (caption !== null) await speaker.file(kind, file, { caption }, take());
}

async function preview(kind, file) {
  const url = URL.createObjectURL(file);
  try {
    return await dialog("Enviar arquivo", (finish) => {
      const text = h("input", { type: "text", name: "caption", maxlength: "1024", autocomplete: "off" });
      const submit = (event) => {
        event.preventDefault();
        finish(text.value);
      };
      const caption = kind === "audio" || kind === "sticker" ? null : h("label", { class: "field" }, h("span", {}, "Legenda"), text);
      return h("form", { onsubmit: submit }, shown(kind, file, url), caption, h("button", { type: "submit", class: "primary" }, "Enviar"));
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}

function shown(kind, { name, size }, url) {
  if (kind === "image" || kind === "sticker") return h("img", { src: url, alt: name, class: "full" });
  if (kind === "video") return h("video", { src: url, controls: true, class: "full", "aria-label": name });
  if (kind === "audio") return h("audio", { src: url, controls: true, "aria-label": name });
  return h("p", { class: "card" }, icon("document"), h("span", {}, h("strong", {}, name), h("span", { class: "small" }, `${Math.ceil(size / 1024)} kB`)));
}

async function sendPlace(speaker, message) {
  const number = { type: "number", step: "any", required: true };
  const values = await form("Enviar localização", [
    { ...number, name: "latitude", label: "Latitude", min: "-90", max: "90", value: DEMO_PLACE.latitude },
    { ...number, name: "longitude", label: "Longitude", min: "-180", max: "180", value: DEMO_PLACE.longitude },
    { name: "name", label: "Nome do lugar", value: DEMO_PLACE.name },
    { name: "address", label: "Endereço", value: DEMO_PLACE.address },
  ]);
  if (!values) return;
  const texts = Object.fromEntries(["name", "address"].filter((name) => values[name]).map((name) => [name, values[name]]));
  await speaker.location({ latitude: Number(values.latitude), longitude: Number(values.longitude), ...texts }, message);
}

async function sendContact(speaker, take) {
  const values = await form("Enviar contato", [
    { name: "name", label: "Nome", required: true, value: "João Silva" },
    { name: "phone", label: "Telefone", type: "tel", required: true, value: "+55 11 91234-5678" },
  ]);
  if (values) await speaker.contact(values, take());
}
