// The token of the control API: in the page on the simulator's own machine, else in the address (#token=…).

const TOKEN_KEY = "simulator-token";
const PATTERN = /^#token=([\w-]+)$/;

function find() {
  const given = document.querySelector(`meta[name="${TOKEN_KEY}"]`).content;
  const brought = PATTERN.exec(location.hash)?.[1];
  if (brought) {
    sessionStorage.setItem(TOKEN_KEY, brought);
    history.replaceState(null, "", location.pathname); // keeps the token out of sight, screenshots and bookmarks
  }
  return given || brought || sessionStorage.getItem(TOKEN_KEY) || "";
}

const token = find();

/** The header that every call of the control API needs. */
export const credentials = { Authorization: `Bearer ${token}` };

/** Return the address of a file at the simulator, with the token for elements that send no header. */
export const withToken = (url) => (url?.startsWith("/_sim/") ? `${url}?token=${encodeURIComponent(token)}` : url);
