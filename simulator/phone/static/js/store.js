// What this page knows of the world: people, messages, reactions, who is being typed to.

/** Whether it only changes another message, and is none of its own. */
export function isMark({ type }) {
  return ["reaction", "edit", "revoke"].includes(type);
}

/** Events: "people", "message" (detail: message), "typing", "reset", "connection" (detail: boolean). */
export class Store extends EventTarget {
  #world = null;
  people = new Map();
  messages = new Map();
  typing = new Set();
  unread = new Map();
  loaded = false;

  /** A new list of people. */
  setPeople(people) {
    this.people = new Map(people.map((one) => [one.wa_id, one]));
    this.#tell("people");
  }

  /** One answer of the transcript. True when somebody wrote whom we do not know. */
  apply({ world, messages, typing }) {
    if (this.#world !== null && world !== this.#world) this.#forget();
    this.#world = world;
    for (const message of messages) this.#keep(message);
    this.typing = new Set(typing);
    this.loaded = true;
    this.#tell("typing");
    this.#tell("people");
    return messages.some((message) => !this.people.has(message.wa_id));
  }

  #keep(message) {
    const known = this.messages.has(message.id);
    this.messages.set(message.id, message);
    if (this.loaded && !known && message.direction === "out" && !isMark(message)) {
      this.unread.set(message.wa_id, (this.unread.get(message.wa_id) ?? 0) + 1);
    }
    this.#tell("message", message);
  }

  /** Messages of one person in order, without what only changes others. */
  chat(waId) {
    return [...this.messages.values()].filter((one) => one.wa_id === waId && !isMark(one));
  }

  /** The emoji that a message carries, the customer's and the business's: `[{emoji, direction}]`. */
  reactions(message) {
    const found = new Map();
    for (const one of this.messages.values()) {
      if (one.type !== "reaction" || one.content.reaction?.message_id !== message.id) continue;
      found.set(one.direction, one.content.reaction.emoji);
    }
    return [...found].filter(([, emoji]) => emoji).map(([direction, emoji]) => ({ direction, emoji }));
  }

  /** The last message of each person, by number. */
  last() {
    const found = new Map();
    for (const one of this.messages.values()) if (!isMark(one)) found.set(one.wa_id, one);
    return found;
  }

  /** Nothing of that person is unread any more. */
  seen(waId) {
    if (this.unread.delete(waId)) this.#tell("people");
  }

  /** Meta's clock was moved: what depends on it is said anew. */
  clockMoved() {
    this.#tell("typing");
    this.#tell("people");
  }

  connection(alive) {
    this.#tell("connection", alive);
  }

  #forget() {
    this.messages.clear();
    this.unread.clear();
    this.people.clear();
    this.#tell("reset");
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
