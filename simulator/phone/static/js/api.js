// The client of the simulator's control API, which docs/simulator.md describes.

import { credentials, withToken } from "./token.js";

/** The simulator refused a call, or does not answer; the message gives the reason. */
export class ApiError extends Error {}

async function call(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: { ...headers, ...credentials } });
  } catch (error) {
    throw new ApiError(`O simulador não responde (${error.message}).`);
  }
  if (!answer.ok) throw new ApiError(await reason(answer));
  return answer.status === 204 ? null : answer.json();
}

async function reason(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error ?? text;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `${answer.status} ${text}`;
  }
}

const get = (path) => call("GET", path);
const send = (method, path, value) => call(method, path, JSON.stringify(value), { "Content-Type": "application/json" });
const one = encodeURIComponent;

export const facts = () => get("/phone/facts");
export const personas = async () => (await get("/_sim/personas")).personas;
export const putPersona = (waId, change) => send("PUT", `/_sim/personas/${one(waId)}`, change);
export const transcript = (after, wait) => get(`/_sim/transcript?after=${after}&wait=${wait}`);
export const speak = (waId, action) => send("POST", `/_sim/personas/${one(waId)}/messages`, action);

export const faults = async () => (await get("/_sim/faults")).faults;
export const addFault = (fault) => send("POST", "/_sim/faults", fault);
export const removeFault = (id) => call("DELETE", `/_sim/faults/${one(id)}`);
export const removeFaults = () => call("DELETE", "/_sim/faults");
export const releaseFault = (id) => call("POST", `/_sim/faults/${one(id)}/release`);

export const clock = () => get("/_sim/clock");
export const moveClock = (change) => send("POST", "/_sim/clock", change);
export const resetClock = () => call("DELETE", "/_sim/clock");

export const settings = () => get("/_sim/settings");
export const patchSettings = (change) => send("PATCH", "/_sim/settings", change);
export const reset = () => call("POST", "/_sim/reset");
export const calls = async (path = "") => (await get(`/_sim/calls?path=${one(path)}`)).calls;
export const webhooks = async () => (await get("/_sim/webhooks")).webhooks;

/** Return the address of a file in a message; null when only another server has the file. */
export const mediaUrl = ({ id }, message) => withToken(id ? `/_sim/media/${one(id)}` : (message.media_url ?? null));

/** Upload a customer's file; return `{id, mime_type, filename, size, url}`. */
export function upload(file) {
  return call("POST", `/_sim/media?filename=${one(file.name)}`, file, { "Content-Type": file.type || "application/octet-stream" });
}

/** Return a message with its webhooks and calls: `{webhooks, calls, answer, …}`. */
export const raw = ({ id }) => get(`/_sim/messages/${one(id)}`);

export const moveNumber = (waId, change) => send("POST", `/_sim/personas/${one(waId)}/number`, change);
export const newIdentity = (waId) => send("POST", `/_sim/personas/${one(waId)}/identity`, {});
export const preferences = (waId, marketing) => send("POST", `/_sim/personas/${one(waId)}/preferences`, { marketing });
export const giveTo = (waId, owner) => send("POST", `/_sim/personas/${one(waId)}/owner`, { owner });
export const echo = (waId, text) => send("POST", `/_sim/personas/${one(waId)}/echoes`, { text });
