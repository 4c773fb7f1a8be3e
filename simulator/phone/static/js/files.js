// Pictures, videos, sounds and documents in messages.

import * as api from "./api.js";
import { AudioPlayer } from "./audio-player.js";
import { picture } from "./dialogs.js";
import { h } from "./dom.js";
import { formatted } from "./format.js";
import { icon } from "./icons.js";
import { safeUrl } from "./urls.js";

const SHOW = { image, video, audio, document: file, sticker };

/** Return the content of a message that is a file, with its caption. */
export function fileContents(part, message) {
  const url = api.mediaUrl(part, message);
  const shown = url ? SHOW[message.type](url, part) : elsewhere(part);
  return [shown, part.caption ? h("div", { class: "text" }, formatted(part.caption)) : null];
}

/** Return the file in the header of an interactive message. */
export function headerFile(header, message) {
  const part = header[header.type];
  const url = part ? api.mediaUrl(part, message) : null;
  if (!url || !SHOW[header.type]) return part ? elsewhere(part) : null;
  return SHOW[header.type](url, part);
}

function image(url, { caption }) {
  const alt = caption || "Imagem sem descrição";
  const shown = h("img", { src: url, alt, loading: "lazy" });
  const button = h("button", { type: "button", class: "picture", "aria-label": `Ampliar: ${alt}`, onclick: () => picture(url, alt) }, shown);
  shown.addEventListener("error", () => button.replaceWith(gone("Imagem")));
  return button;
}

function sticker(url) {
  const shown = h("img", { src: url, alt: "Figurinha", class: "sticker", loading: "lazy" });
  shown.addEventListener("error", () => shown.replaceWith(gone("Figurinha")));
  return shown;
}

function video(url) {
  const shown = h("video", { src: url, controls: true, preload: "metadata", "aria-label": "Vídeo" });
  shown.addEventListener("error", () => shown.replaceWith(gone("Vídeo")));
  return shown;
}

function audio(url, { voice }) {
  return new AudioPlayer(url, { voice, gone }).element;
}

function file(url, { filename, mime_type: type }) {
  const name = filename || "Documento";
  return h("a", { class: "card", href: url, download: name }, icon("document"), h("span", {}, h("strong", {}, name), h("span", { class: "small" }, type ?? "baixar")));
}

/** Return a link to a file on another server, from which the page loads nothing by itself. */
function elsewhere({ link, filename }) {
  const href = safeUrl(link);
  if (!href) return gone("Mídia");
  return h("a", { class: "card", href, target: "_blank", rel: "noopener noreferrer" }, icon("link"), h("span", {}, h("strong", {}, filename || "Abrir mídia"), h("span", { class: "small" }, href)));
}

function gone(what) {
  return h("p", { class: "small gone" }, `${what} não disponível: expirou ou nunca existiu.`);
}
