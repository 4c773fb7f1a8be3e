// What calls a person: the count in the title and on the icon, and a sound until they have seen it. Seen is what is
// before them while they do something on the page: the conversation, or its row in the list.

import { $ } from "./dom.js";

const AGAIN_MS = 15_000;
const SHOWN_MS = 1000; // after a person has come back to the page
const KEPT_MS = 10_000; // an icon that is shown no more
const KEY = "console-sound";

let audio;
let base;
let drawings = 0;
const calling = new Map(); // conversation → its kind, until it is seen
const heard = new Map(); // conversation → what it called about last, which calls once
const own = new Set(); // conversations of the person's
const others = new BroadcastChannel("console"); // other tabs of this browser

/** Let browsers play sounds: they do so after the first click or key on the page, or on the one before it. */
async function unlock() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") await audio.resume();
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
  unlock().catch(() => {});
  if (audio.state !== "running") return; // what waits for the first click would sound all at once
  document.documentElement.dataset.sounds = String(Number(document.documentElement.dataset.sounds ?? 0) + 1);
  const at = audio.currentTime + 0.05;
  const notes = kind === "mine" ? [660, 880] : [523, 659, 784];
  notes.forEach((note, index) => tone(note, at + index * 0.14, 0.35));
}

const on = () => localStorage.getItem(KEY) !== "off";

function ring() {
  if (calling.size && on()) play([...calling.values()].includes("mine") ? "mine" : "waiting");
}

/**
 * A conversation changed: call, and again until `seen`, if it waits for somebody, was given to the person, or has news
 * in one of theirs. row: as `/console/rows` tells it; isOpen: the person has it before them.
 */
export function noted(id, row, isOpen) {
  const about = row?.waiting ? "waiting" : row?.mine && (row.unread || !own.has(id)) ? `mine ${row.newest}` : undefined;
  if (row?.mine) own.add(id);
  else own.delete(id);
  if (!about) {
    calling.delete(id);
    if (!row?.mine) heard.delete(id);
  } else if (heard.get(id) !== about) {
    heard.set(id, about);
    if (isOpen) return seen(id);
    calling.set(id, row.waiting ? "waiting" : "mine");
    if (on()) play(calling.get(id));
  }
}

/** The person takes a conversation: that is no news to them. */
export function taken(id) {
  own.add(id);
  others.postMessage({ own: id });
}

/** The person sees a conversation. */
export function seen(id) {
  calling.delete(id);
  others.postMessage({ seen: id, about: heard.get(id) });
}

function told({ own: mine, seen: id, about }) {
  if (mine) own.add(mine);
  calling.delete(id);
  if (about) heard.set(id, about);
}

function look() {
  if (document.hidden || !document.hasFocus()) return;
  for (const id of calling.keys()) if (isBefore(id)) seen(id);
}

function isBefore(id) {
  if ($("#conversation")?.dataset.id === id) return true;
  const row = document.getElementById(`row-${id}`);
  if (!row?.checkVisibility()) return false;
  const [line, list] = [row.getBoundingClientRect(), $("#rows").getBoundingClientRect()];
  return line.bottom > list.top && line.top < list.bottom;
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
  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => unlock().catch(() => {}), { capture: true });
    addEventListener(name, look, { capture: true });
  }
  addEventListener("focus", () => setTimeout(look, SHOWN_MS));
  others.addEventListener("message", ({ data }) => told(data));
  for (const id of JSON.parse($("#desk").dataset.own)) own.add(id);
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
