// The drafts of a conversation, of a reply and of a note, kept by the server while a person writes. One request at a
// time stores them: of two, the older text could arrive last.

import { post, postAfterwards } from "./api.js";

const PAUSE_MS = 800; // after a letter
const LONGEST_MS = 10_000; // of a request: a network that is gone must not hold later drafts back

export class Drafts {
  #path;
  #texts;
  #quoted;
  #stored;
  #unstored = new Set(); // modes
  #storing; // the mode of the request on its way
  #running;
  #sending; // a mode
  #timer;

  /** texts: by mode (`reply`, `note`); quoted: gives the message that the reply quotes; stored: called once all is. */
  constructor(path, texts, quoted, stored) {
    this.#path = path;
    this.#texts = texts;
    this.#quoted = quoted;
    this.#stored = stored;
  }

  text(mode) {
    return this.#texts[mode];
  }

  /** Take a new text, which is stored after a pause. */
  write(mode, text) {
    this.#texts[mode] = text;
    this.#sending = undefined;
    this.#unstored.add(mode);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.store(), PAUSE_MS);
  }

  /** Store what is not stored yet, and what is written meanwhile; the promise ends with the last of it, or a failure. */
  store(...modes) {
    clearTimeout(this.#timer);
    for (const mode of modes) this.#unstored.add(mode);
    if (this.#unstored.size) this.#running ??= this.#run();
    return this.#running;
  }

  async #run() {
    try {
      while (this.#unstored.size) await this.#one(...this.#unstored);
    } catch {
      // What is not stored is stored with the next letter.
    } finally {
      this.#running = undefined;
    }
  }

  async #one(mode) {
    this.#unstored.delete(mode);
    this.#storing = mode;
    try {
      await post(this.#path, this.#body(mode), { signal: AbortSignal.timeout(LONGEST_MS) });
      if (this.#texts[mode] && !this.#unstored.has(mode)) this.#stored();
    } catch (error) {
      if (this.#sending !== mode) this.#unstored.add(mode);
      throw error;
    } finally {
      this.#storing = undefined;
    }
  }

  /** Do not store a draft any more that is about to be sent, until it was, or is written again. */
  hold(mode) {
    clearTimeout(this.#timer);
    this.#unstored.delete(mode);
    this.#sending = mode;
  }

  /** Forget a draft that was sent. The server has done so too; a request on its way would bring it back. */
  sent(mode) {
    this.#texts[mode] = "";
    this.#sending = undefined;
    this.#unstored.delete(mode);
    if (this.#storing === mode) this.#unstored.add(mode);
    this.store();
  }

  /** Store what is not stored yet where the page goes away. */
  leave() {
    clearTimeout(this.#timer);
    for (const mode of new Set([...this.#unstored, this.#storing])) {
      if (mode && mode !== this.#sending) postAfterwards(this.#path, this.#body(mode)).catch(() => {});
    }
  }

  #body(mode) {
    return { mode, text: this.#texts[mode], reply_to: mode === "reply" ? this.#quoted() : "" };
  }
}
