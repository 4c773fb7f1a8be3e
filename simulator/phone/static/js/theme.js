// Light or dark: as the system says, until somebody chooses.

const KEY = "phone-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Show the chosen theme; listens for the system's. */
export function applyTheme() {
  document.documentElement.dataset.theme = localStorage.getItem(KEY) ?? (dark.matches ? "dark" : "light");
}

/** The other theme, from now on. Gives its name. */
export function toggleTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, next);
  applyTheme();
  return next;
}

dark.addEventListener("change", applyTheme);
