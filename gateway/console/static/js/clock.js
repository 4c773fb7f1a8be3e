// Times that go on while a page is open: since when something waits, until when the window is open.

import { $$, words } from "./dom.js";

const MINUTE = 60_000;
const SOON = 120 * MINUTE; // before the window closes, as in times.py

function brief(milliseconds, text) {
  const minutes = Math.max(0, Math.floor(milliseconds / MINUTE));
  if (minutes < 60) return text.minutes.replace("{n}", minutes);
  if (minutes < 60 * 48) return text.hours.replace("{n}", Math.floor(minutes / 60));
  return text.days.replace("{n}", Math.floor(minutes / 1440));
}

/** Write all times anew. */
export function tick() {
  const text = words();
  for (const time of $$("time[data-since]")) {
    const passed = Date.now() - Date.parse(time.dateTime);
    time.textContent = passed < MINUTE ? text.now : brief(passed, text);
  }
  for (const time of $$("time[data-until]")) {
    const left = Date.parse(time.dateTime) - Date.now();
    time.textContent = left > 0 ? brief(left, text) : text.closed;
    time.closest(".window, .window-chip")?.toggleAttribute("data-soon", left < SOON);
  }
}

/** Write them every half minute. */
export function start() {
  setInterval(tick, MINUTE / 2);
}
