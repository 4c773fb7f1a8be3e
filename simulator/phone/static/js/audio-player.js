// A player of voice notes and other audio: play, pause, seek.

import { fill, h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { duration } from "./time.js";

export class AudioPlayer {
  #audio;
  #button = iconButton("play", "Ouvir", () => this.#toggle());
  #place = h("input", { type: "range", min: "0", max: "1", step: "any", value: "0", "aria-label": "Posição no áudio" });
  #time = h("span", { class: "small" }, "0:00");

  constructor(url, { voice, gone }) {
    this.#audio = h("audio", { src: url, preload: "metadata" });
    this.element = h("div", { class: "audio" }, this.#button, this.#place, this.#time, h("span", { class: "audio-kind" }, icon(voice ? "microphone" : "music")), this.#audio);
    for (const name of ["play", "pause", "ended"]) this.#audio.addEventListener(name, () => this.#showState());
    this.#audio.addEventListener("durationchange", () => this.#learnLength(url));
    for (const name of ["timeupdate", "durationchange"]) this.#audio.addEventListener(name, () => this.#showPlace());
    this.#audio.addEventListener("error", () => this.element.replaceWith(gone("Áudio")));
    this.#place.addEventListener("input", () => this.#seek());
  }

  /** The duration of an Ogg file is at its end: where it is unknown, load the whole file. */
  async #learnLength(url) {
    if (this.#audio.duration !== Infinity || this.#audio.src.startsWith("blob:")) return;
    const answer = await fetch(url);
    if (answer.ok) this.#audio.src = URL.createObjectURL(await answer.blob());
  }

  #toggle() {
    return this.#audio.paused ? this.#audio.play() : this.#audio.pause();
  }

  #showState() {
    const label = this.#audio.paused ? "Ouvir" : "Pausar";
    fill(this.#button, icon(this.#audio.paused ? "play" : "pause"));
    this.#button.setAttribute("aria-label", label);
    this.#button.title = label;
  }

  #showPlace() {
    const { currentTime, duration: whole } = this.#audio;
    this.#place.value = Number.isFinite(whole) ? String(currentTime / whole) : "0";
    const shown = duration(currentTime || whole);
    this.#time.textContent = shown;
    this.#place.setAttribute("aria-valuetext", shown);
  }

  #seek() {
    if (Number.isFinite(this.#audio.duration)) this.#audio.currentTime = Number(this.#place.value) * this.#audio.duration;
  }
}
