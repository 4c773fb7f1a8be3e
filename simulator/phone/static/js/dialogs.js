// Dialogs: the browser keeps the focus inside, Escape closes, and the focus returns to its former element.

import { h, newId } from "./dom.js";
import { iconButton } from "./icons.js";

/** Show content in a dialog; resolve with the value given to `finish(value)`, or null when it is closed. */
export function dialog(title, content, { wide = false } = {}) {
  return new Promise((resolve) => {
    let value = null;
    const heading = newId("dialog");
    const finish = (given) => {
      value = given;
      element.close();
    };
    const bar = h("header", { class: "dialog-bar" }, h("h2", { id: heading }, title), iconButton("close", "Fechar", () => element.close()));
    const element = h("dialog", { "aria-labelledby": heading, class: wide ? "wide" : "" }, bar, content(finish));
    element.addEventListener("click", ({ target }) => target === element && element.close()); // the backdrop
    element.addEventListener("close", () => {
      element.remove();
      resolve(value);
    });
    document.body.append(element);
    element.showModal();
  });
}

/** Ask for values. Fields: name, label, type (input types, "area"), and the input's own attributes. */
export function form(title, fields, { button = "Enviar" } = {}) {
  return dialog(title, (finish) => {
    const inputs = fields.map((field) => [field, input(field)]);
    const submit = (event) => {
      event.preventDefault();
      finish(Object.fromEntries(inputs.map(([{ name, type }, element]) => [name, type === "checkbox" ? element.checked : element.value.trim()])));
    };
    return h("form", { onsubmit: submit }, inputs.map(([field, element]) => labelled(field, element)), h("button", { type: "submit", class: "primary" }, button));
  });
}

function input({ name, label: _label, type = "text", value = "", check = null, ...more }) {
  const element = type === "area" ? h("textarea", { name, rows: "6", value, ...more }) : h("input", { name, type, value, ...more });
  if (check) element.addEventListener("input", () => element.setCustomValidity(check(element.value)));
  return element;
}

function labelled({ label, type }, element) {
  return h("label", { class: type === "checkbox" ? "check" : "field" }, h("span", {}, label), element);
}

/** Choose one row of a list's sections; resolve with `{id, title, description}` or null. */
export function choose(title, sections) {
  return dialog(title, (finish) => {
    const group = newId("rows");
    let chosen = null;
    const send = h("button", { type: "submit", class: "primary", disabled: true }, "Enviar");
    const pick = (row) => {
      chosen = row;
      send.disabled = false;
    };
    const submit = (event) => {
      event.preventDefault();
      finish(chosen);
    };
    return h("form", { class: "rows", onsubmit: submit }, sections.map((section) => rows(section, group, pick)), send);
  });
}

function rows({ title, rows: all = [] }, group, pick) {
  const options = all.map((row) =>
    h(
      "label",
      { class: "row" },
      h("span", {}, h("strong", {}, row.title), row.description ? h("span", { class: "small" }, row.description) : null),
      h("input", { type: "radio", name: group, value: row.id, onchange: () => pick(row) }),
    ),
  );
  return h("fieldset", {}, title ? h("legend", {}, title) : null, options);
}

/** Show a picture in full size. */
export function picture(url, alt) {
  return dialog(alt, () => h("img", { src: url, alt, class: "full" }), { wide: true });
}
