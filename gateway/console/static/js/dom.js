// Small helpers of the desk: words, parts of pages, notices.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Return the page's texts for scripts. */
export const words = () => JSON.parse($("#desk").dataset.words);

/** Fetch a part of a page as a fragment. Throws Error with the status as `status`. */
export async function fragment(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (answer.status === 401) location.assign(`/console/login?next=${encodeURIComponent(location.pathname)}`);
  if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { status: answer.status });
  return parsed(await answer.text());
}

/** Return HTML of the server's as a fragment. */
export function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Put each element of a fragment in the place of the one with its id, where they differ. */
export function swap(content) {
  for (const next of [...content.children]) {
    const old = document.getElementById(next.id);
    if (!old || old.isEqualNode(next)) continue;
    if (!keepsFocus(old)) old.replaceWith(next);
  }
}

/** Somebody types in it, or has a menu of it open: it is not taken from under their hands. */
function keepsFocus(old) {
  const active = document.activeElement;
  return old.contains(active) && (active.matches("input, textarea, select") || Boolean($("details[open]", old)));
}

/** Do something that replaces parts of the page: the focus goes to what took its element's place, or to the messages. */
export function keepFocus(replace) {
  const active = document.activeElement;
  const where = selector(active);
  replace();
  if (active.isConnected) return;
  (document.querySelector(where) ?? $("#scroller"))?.focus({ preventScroll: true });
}

/** Return what finds an element again after its part of the page was replaced: the next id, its name, its data. */
function selector(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const data = [...element.attributes].filter(({ name }) => name.startsWith("data-"));
  const owner = element.parentElement?.closest("[id]");
  const own = element.localName + data.map(({ name, value }) => `[${name}="${CSS.escape(value)}"]`).join("");
  return owner ? `#${CSS.escape(owner.id)} ${own}` : own;
}

/** Make a list's children those of another list, by id: what is the same stays, so that sounds play on. */
export function morph(list, next) {
  const wanted = [...next.children];
  const ids = new Set(wanted.map((one) => one.id));
  for (const child of [...list.children]) if (!ids.has(child.id)) child.remove();
  let place = list.firstElementChild;
  for (const one of wanted) {
    const old = one.id ? document.getElementById(one.id) : null;
    for (const [place, details] of old ? $$("details", old).entries() : []) {
      if (details.open) $$("details", one)[place]?.setAttribute("open", "");
    }
    if (old && old.isEqualNode(one)) {
      if (old === place) place = place.nextElementSibling;
      else list.insertBefore(old, place);
      continue;
    }
    if (old === place && old) place = place.nextElementSibling;
    old?.remove();
    list.insertBefore(one, place);
  }
  for (const name of Object.keys(next.dataset)) list.dataset[name] = next.dataset[name];
}

/** Tell a person something for some seconds, perhaps with a button. */
export function notice(text, button) {
  const box = document.createElement("p");
  box.className = "toast";
  box.append(text);
  if (button) {
    const element = document.createElement("button");
    element.type = "button";
    element.className = "link";
    element.textContent = button.text;
    element.addEventListener("click", () => (box.remove(), button.act()));
    box.append(element);
  }
  $("#notices").append(box);
  setTimeout(() => box.remove(), button ? 10_000 : 5_000);
}
