// Menus made of <details data-menu>: one click elsewhere, or Escape, closes them.

const open = () => document.querySelectorAll("details[data-menu][open]");

/** Close a menu; the focus stays where it is opened again. */
export function shut(menu) {
  menu.open = false;
  menu.querySelector("summary").focus();
}

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of open()) shut(menu);
});
