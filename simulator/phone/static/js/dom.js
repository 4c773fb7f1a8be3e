// Elements without markup: texts that people wrote become text nodes, never HTML.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "srcObject"]);
let count = 0;

/** Return an element: `h("p", { class: "note", onclick }, "text", child)`, without null and false children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  return fill(element, ...children);
}

function set(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value ?? "";
  else if (value !== null && value !== undefined && value !== false) {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Return a new, unique id of an element. */
export function newId(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

/** Return a line drawing of 24 by 24. Screen readers ignore it, so its button needs a label. */
export function drawing(paths) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" })) {
    svg.setAttribute(name, value);
  }
  for (const path of paths) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    svg.append(line);
  }
  return svg;
}

/** Return a text for screen readers only. */
export function spoken(text) {
  return h("span", { class: "spoken" }, text);
}

/** Replace everything in an element, by nodes, texts, and lists of them. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
