// What changed on the server, without a gap: each event's id is the place after which the next ones come.

import { $ } from "./dom.js";

const HIDE_MS = 1500; // a short break is not worth a word
const LONGEST_MS = 15_000;

export class Live {
  #source;
  #cursor;
  #changed;
  #lost;
  #delay = 500;

  /** changed: called with the changes of an event; lost: called where the place is not known any more. */
  constructor(cursor, changed, lost) {
    this.#cursor = cursor;
    this.#changed = changed;
    this.#lost = lost;
    this.#open();
    addEventListener("online", () => this.#again(0));
    addEventListener("offline", () => this.#broken()); // the stream may stay open without a word
    document.addEventListener("visibilitychange", () => !document.hidden && this.#source.readyState === EventSource.CLOSED && this.#again(0));
    addEventListener("pagehide", () => this.#source.close());
    addEventListener("pageshow", (event) => event.persisted && this.#again(0));
  }

  #open() {
    this.#source = new EventSource(`/console/events?after=${encodeURIComponent(this.#cursor)}`);
    this.#source.addEventListener("open", () => this.#online());
    this.#source.addEventListener("changes", (event) => {
      this.#cursor = event.lastEventId;
      this.#changed(JSON.parse(event.data));
    });
    this.#source.addEventListener("reload", () => (this.#source.close(), this.#lost()));
    this.#source.addEventListener("signed-out", () => location.reload());
    this.#source.addEventListener("error", () => this.#broken());
  }

  #online() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.#delay = 500;
    $("#offline").hidden = true;
  }

  #broken() {
    // Each vain attempt is one more error: the time runs from the first one.
    this.timer ??= setTimeout(() => ($("#offline").hidden = false), HIDE_MS);
    // Browsers try again by themselves after a lost connection, but not after an answer that is an error.
    if (this.#source.readyState === EventSource.CLOSED) this.#again(this.#delay);
  }

  #again(delay) {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => (this.#source.close(), this.#open()), delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_MS);
  }
}
