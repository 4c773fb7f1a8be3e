// The page's icons, by name.

import { drawing, h } from "./dom.js";

const PATHS = {
  add: ["M12 5v14", "M5 12h14"],
  back: ["M19 12H5", "M11 6l-6 6 6 6"],
  bolt: ["M13 3L5 13.5h6L10 21l9-11h-6.5z"],
  camera: ["M4 7.5h3.5L9.2 5h5.6l1.7 2.5H20V19H4z", "M12 10a3 3 0 1 0 0 6 3 3 0 1 0 0-6"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  checks: ["M2 12.5L6.5 17 16 7.5", "M11.5 16l1 1L22 7.5"],
  clock: ["M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16", "M12 7.5V12l3 2"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  copy: ["M9 9h10v11H9z", "M15 9V4H5v11h4"],
  devices: ["M4 5h12v9H4z", "M2 17h10", "M15 10h6v10h-6z"],
  document: ["M7 3h7l4 4v14H7z", "M14 3v4h4", "M9.5 12h6", "M9.5 16h6"],
  down: ["M6 9l6 6 6-6"],
  edit: ["M5 19l1-4L16 5l3 3L9 18z", "M14 7l3 3"],
  failed: ["M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16", "M12 8v5", "M12 15.7v.6"],
  gear: ["M4 7h9", "M17 7h3", "M15 5v4", "M4 12h3", "M11 12h9", "M9 10v4", "M4 17h8", "M16 17h4", "M14 15v4"],
  info: ["M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16", "M12 11v5", "M12 7.7v.6"],
  link: ["M14 5h5v5", "M19 5l-8 8", "M16 13v6H5V8h6"],
  list: ["M9 7h11", "M9 12h11", "M9 17h11", "M4.5 7h.6", "M4.5 12h.6", "M4.5 17h.6"],
  microphone: ["M12 3.5a2.5 2.5 0 0 0-2.5 2.5v5.5a2.5 2.5 0 0 0 5 0V6A2.5 2.5 0 0 0 12 3.5", "M6.5 11.5a5.5 5.5 0 0 0 11 0", "M12 17v3.5"],
  more: ["M12 5.2a.5.5 0 1 0 .01 0z", "M12 11.5a.5.5 0 1 0 .01 0z", "M12 17.8a.5.5 0 1 0 .01 0z"],
  moon: ["M19.5 14.5A8 8 0 1 1 9.5 4.5a6.5 6.5 0 0 0 10 10z"],
  music: ["M9 18V6l10-2v12", "M6.5 15.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5", "M16.5 13.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5"],
  pause: ["M8.5 6v12", "M15.5 6v12"],
  person: ["M12 4a4 4 0 1 0 0 8 4 4 0 1 0 0-8", "M4.5 20c.5-4 3.5-6 7.5-6s7 2 7.5 6"],
  picture: ["M4 5h16v14H4z", "M4 16l5-5 4 4 2.5-2.5L20 17", "M15.5 8.5v.6"],
  pin: ["M12 21c4-5 6-8 6-11a6 6 0 0 0-12 0c0 3 2 6 6 11z", "M12 8a2 2 0 1 0 0 4 2 2 0 1 0 0-4"],
  play: ["M8 5.5v13l10.5-6.5z"],
  reply: ["M9 6l-5 5 5 5", "M4 11h9c4 0 6.5 2.5 7 7"],
  search: ["M10.5 4.5a6 6 0 1 0 0 12 6 6 0 1 0 0-12", "M15 15l5 5"],
  send: ["M4 4.5l17 7.5-17 7.5 2.5-7.5z", "M6.5 12H13"],
  smile: ["M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16", "M8.5 14.5c1.8 2 5.2 2 7 0", "M9.2 9.5v.6", "M14.8 9.5v.6"],
  sticker: ["M5 4h14v9l-6 7H5z", "M13 20v-7h6"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 1 0 0-8", "M12 2.5v2", "M12 19.5v2", "M2.5 12h2", "M19.5 12h2", "M5.3 5.3l1.4 1.4", "M17.3 17.3l1.4 1.4", "M5.3 18.7l1.4-1.4", "M17.3 6.7l1.4-1.4"],
  trash: ["M5 7h14", "M10 7V4h4v3", "M7 7l1 13h8l1-13"],
};

/** Return the icon of that name. */
export function icon(name) {
  return drawing(PATHS[name]);
}

/** Return a button that shows only an icon; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, more = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...more }, icon(name));
}
