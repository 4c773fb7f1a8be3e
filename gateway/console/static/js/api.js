// Requests of scripts to the console: with the page's token, and one sentence where something is wrong.

const token = () => document.querySelector('meta[name="csrf"]').content;

/** What the server refused. `status`, `message` (a sentence for people), `told` (its whole JSON). */
export class Refused extends Error {
  constructor(status, told) {
    super(told.error ?? String(status));
    this.status = status;
    this.told = told;
  }
}

// Browsers send at most 64 KiB for a page that is left; a letter has four bytes at most.
const LONGEST_AFTERWARDS = 15_000;

/** POST an object as JSON, or a FormData; gives the answer's JSON. Throws Refused, or TypeError without a network. */
export async function post(path, body = {}, options = {}) {
  const isForm = body instanceof FormData;
  const headers = { "X-CSRF-Token": token(), Accept: "application/json" };
  if (!isForm) headers["Content-Type"] = "application/json";
  return read(await fetch(path, { method: "POST", headers, body: isForm ? body : JSON.stringify(body), ...options }));
}

/** POST an object as `post` does, to the end also where the page is left meanwhile. */
export function postAfterwards(path, body) {
  return post(path, body, { keepalive: JSON.stringify(body).length < LONGEST_AFTERWARDS });
}

/** POST a file as the body; gives the answer's JSON. Throws as `post`. */
export async function sendFile(path, file) {
  const headers = { "X-CSRF-Token": token(), "X-File-Name": encodeURIComponent(file.name), Accept: "application/json" };
  return read(await fetch(path, { method: "POST", headers, body: file }));
}

/** GET JSON. Throws as `post`. */
export async function get(path) {
  return read(await fetch(path, { headers: { Accept: "application/json" } }));
}

async function read(answer) {
  if (answer.status === 401) location.assign(`/console/login?next=${encodeURIComponent(location.pathname)}`);
  const told = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : {};
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}
