// Light or dark: the system's theme, until the user chooses one.

const KEY = "phone-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Show the chosen theme, else the system's. */
export function applyTheme() {
  document.documentElement.dataset.theme = localStorage.getItem(KEY) ?? (dark.matches ? "dark" : "light");
}

/** Switch to the other theme and return its name. */
export function toggleTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, next);
  applyTheme();
  return next;
}

dark.addEventListener("change", applyTheme);
