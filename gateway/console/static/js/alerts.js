// What calls a person: the count in the title and on the icon, and a sound until they have seen it.

import { $ } from "./dom.js";

const AGAIN_MS = 15_000;
const KEPT_MS = 10_000; // an icon that is shown no more
const KEY = "console-sound";

let audio;
let base;
let drawings = 0;
const calling = new Map(); // conversation → its kind, until it is seen

/** Let browsers play sounds: they do so after the first click or key on the page. */
function unlock() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
}

function tone(frequency, at, length) {
  const [oscillator, gain] = [audio.createOscillator(), audio.createGain()];
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.18, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, at + length);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + length);
}

function play(kind) {
  document.documentElement.dataset.sounds = String(Number(document.documentElement.dataset.sounds ?? 0) + 1);
  unlock();
  const at = audio.currentTime + 0.05;
  const notes = kind === "mine" ? [660, 880] : [523, 659, 784];
  notes.forEach((note, index) => tone(note, at + index * 0.14, 0.35));
}

const on = () => localStorage.getItem(KEY) !== "off";

function ring() {
  if (calling.size && on()) play([...calling.values()].includes("mine") ? "mine" : "waiting");
}

/** Call: this conversation waits for somebody ("waiting"), or is mine now ("mine"). Repeated until `seen`. */
export function call(id, kind) {
  if (calling.get(id) === kind) return;
  calling.set(id, kind);
  if (on()) play(kind);
}

/** A person has seen it, or it calls no more. */
export function seen(id) {
  calling.delete(id);
}

/** Show how many conversations want somebody. */
export function count(number) {
  base ??= $("#desk").dataset.title;
  document.title = number ? `(${number}) ${base}` : base;
  icon(number);
}

function icon(number) {
  const link = $('link[rel="icon"]');
  link.dataset.plain ??= link.href;
  const drawing = ++drawings; // a later number may be drawn before this one is
  if (!number) return change(link, link.dataset.plain, "image/svg+xml");
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  const picture = canvas.getContext("2d");
  const image = new Image();
  image.onload = () => {
    picture.drawImage(image, 0, 0, 64, 64);
    picture.fillStyle = "#d92d20";
    picture.beginPath();
    picture.arc(44, 20, 20, 0, 2 * Math.PI);
    picture.fill();
    picture.fillStyle = "#ffffff";
    picture.font = "bold 26px system-ui, sans-serif";
    picture.textAlign = "center";
    picture.textBaseline = "middle";
    picture.fillText(number > 99 ? "99" : String(number), 44, 21);
    canvas.toBlob((blob) => drawing === drawings && change(link, URL.createObjectURL(blob), "image/png"));
  };
  image.src = link.dataset.plain;
}

function change(link, address, type) {
  const old = link.href;
  Object.assign(link, { type, href: address });
  // The browser may be about to load the one before.
  if (old.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(old), KEPT_MS);
}

/** Begin: the switch, the first click, the repetition. */
export function start() {
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, unlock, { capture: true });
  const button = $("#sound");
  const show = () => button.setAttribute("aria-pressed", String(on()));
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, on() ? "off" : "on");
    show();
    if (on()) play("mine");
  });
  show();
  setInterval(ring, AGAIN_MS);
  count(Number($("#desk").dataset.attention));
}
