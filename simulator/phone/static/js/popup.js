// Small boxes next to a button: menus and pickers. Arrows move, Escape closes, the focus returns to the button.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
let closeCurrent = null;

/** Show `box` in `place`; only one is open at a time. `columns`: the items by which up and down move. */
export function popup(button, place, box, { columns = 1 } = {}) {
  const wasOurs = button.getAttribute("aria-expanded") === "true";
  closeCurrent?.();
  if (wasOurs) return () => {};
  const leaving = new AbortController();
  const close = (refocus = true) => {
    leaving.abort();
    box.remove();
    button.setAttribute("aria-expanded", "false");
    if (closeCurrent === close) closeCurrent = null;
    if (refocus) button.focus();
  };
  closeCurrent = close;
  const { signal } = leaving;
  box.addEventListener("keydown", (event) => onKey(event, box, columns, close), { signal });
  document.addEventListener("pointerdown", ({ target }) => box.contains(target) || button.contains(target) || close(false), { signal });
  box.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !box.contains(relatedTarget) && close(false), { signal });
  button.setAttribute("aria-expanded", "true");
  place.append(box);
  turnUp(box);
  items(box)[0]?.focus();
  return close;
}

/** Let the box open upwards where the conversation has no room below. */
function turnUp(box) {
  const frame = box.closest(".log-scroller");
  box.classList.toggle("up", frame !== null && box.getBoundingClientRect().bottom > frame.getBoundingClientRect().bottom);
  box.scrollIntoView({ block: "nearest" });
}

function items(box) {
  return [...box.querySelectorAll("button, [role=menuitem]")];
}

function onKey(event, box, columns, close) {
  if (event.key === "Escape") {
    event.stopPropagation();
    close();
    return;
  }
  const all = items(box);
  const at = all.indexOf(document.activeElement);
  let next = { Home: 0, End: all.length - 1 }[event.key];
  if (STEPS[event.key]) {
    const vertical = event.key === "ArrowDown" || event.key === "ArrowUp";
    next = (at + STEPS[event.key] * (vertical ? columns : 1) + all.length) % all.length;
  }
  if (next === undefined) return;
  event.preventDefault();
  all[next].focus();
}
