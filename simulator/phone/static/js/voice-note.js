// Record a voice note in WhatsApp's format: Ogg with Opus, mono.

import { h } from "./dom.js";
import { iconButton } from "./icons.js";
import { notice } from "./notices.js";
import { oggFromWebm } from "./ogg.js";
import { duration } from "./time.js";

const OGG = "audio/ogg; codecs=opus";
const WEBM = "audio/webm; codecs=opus";
const TICK_MS = 250;

export class VoiceNote {
  #recorder = null;
  #wanted = true;
  #time = h("span", { class: "recording-time", role: "timer" }, "0:00");
  element = h(
    "div",
    { class: "composer-row recording", role: "group", "aria-label": "Gravação" },
    iconButton("trash", "Descartar gravação", () => this.cancel()),
    h("span", { class: "recording-dot" }),
    this.#time,
    h("span", { class: "small", role: "status" }, "Gravando…"),
    iconButton("send", "Enviar gravação", () => this.#recorder?.stop(), { class: "icon-button send" }),
  );

  /** Record until sent or discarded; return the file, or null. */
  async record() {
    const stream = await microphone();
    if (!stream) return null;
    this.element.querySelector(".send").focus();
    try {
      if (!this.#wanted) return null; // discarded before the microphone was available
      const blob = await this.#capture(stream);
      if (!this.#wanted || !blob.size) return null;
      const ogg = blob.type.startsWith("audio/ogg") ? blob : new Blob([oggFromWebm(await blob.arrayBuffer())]);
      return new File([ogg], "voz.ogg", { type: OGG });
    } finally {
      for (const track of stream.getTracks()) track.stop();
    }
  }

  cancel() {
    this.#wanted = false;
    this.#recorder?.stop();
  }

  #capture(stream) {
    return new Promise((resolve) => {
      const mimeType = MediaRecorder.isTypeSupported(OGG) ? OGG : WEBM;
      this.#recorder = new MediaRecorder(stream, { mimeType });
      const parts = [];
      const started = performance.now();
      const timer = setInterval(() => (this.#time.textContent = duration((performance.now() - started) / 1000)), TICK_MS);
      this.#recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
      this.#recorder.addEventListener("stop", () => {
        clearInterval(timer);
        resolve(new Blob(parts, { type: this.#recorder.mimeType }));
      });
      this.#recorder.start();
    });
  }
}

async function microphone() {
  if (!navigator.mediaDevices) {
    notice("O navegador só grava em localhost ou com HTTPS. Anexe um arquivo de áudio.");
    return null;
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    notice(`Sem microfone (${error.message}). Anexe um arquivo de áudio.`);
    return null;
  }
}
