// What opens the control API: given with the page on the simulator's own machine, else brought by the address (#token=…).

const KEPT = "simulator-token";
const PATTERN = /^#token=([\w-]+)$/;

function find() {
  const given = document.querySelector(`meta[name="${KEPT}"]`).content;
  const brought = PATTERN.exec(location.hash)?.[1];
  if (brought) {
    sessionStorage.setItem(KEPT, brought);
    history.replaceState(null, "", location.pathname); // not for shoulders, screenshots and bookmarks
  }
  return given || brought || sessionStorage.getItem(KEPT) || "";
}

const token = find();

/** The header that every call of the control API needs. */
export const credentials = { Authorization: `Bearer ${token}` };

/** The address of a file at the simulator, for elements that send no header. */
export const withToken = (url) => (url?.startsWith("/_sim/") ? `${url}?token=${encodeURIComponent(token)}` : url);
