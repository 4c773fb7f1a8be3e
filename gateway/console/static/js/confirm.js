// The question before something that is hard to take back: in a dialog of the page, never in the browser's own box.

import { $ } from "./dom.js";

const agreed = new WeakSet(); // buttons whose form may be sent

/** Ask the question of a button (`data-confirm`), under the button's own words; gives whether the person agrees. */
export function confirmed(button) {
  const dialog = $("#confirm");
  const [yes, no] = dialog.querySelectorAll("button");
  const label = button.textContent.trim();
  const danger = button.classList.contains("danger");
  $("#confirm-title").textContent = label;
  $("#confirm-question").textContent = button.dataset.confirm;
  yes.textContent = label;
  yes.classList.toggle("danger", danger);
  dialog.returnValue = "";
  dialog.showModal(); // on closing, the browser gives the focus back to the button
  if (danger) no.focus();
  return new Promise((answer) => {
    const closed = () => {
      if (!button.isConnected) $("#scroller")?.focus({ preventScroll: true }); // the page was renewed meanwhile
      answer(dialog.returnValue === "yes");
    };
    dialog.addEventListener("close", closed, { once: true });
  });
}

async function submitted(event) {
  const { submitter: button, target: form } = event;
  if (!button?.dataset.confirm || agreed.delete(button)) return;
  event.preventDefault();
  if (!(await confirmed(button))) return;
  agreed.add(button);
  form.requestSubmit(button);
}

document.addEventListener("submit", submitted);
