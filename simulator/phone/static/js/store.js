// The page's copy of the world: people, messages, reactions, typing indicators.

/** Return whether a message only changes another one: a reaction, an edit or a deletion. */
export function isChangeOfAnother({ type }) {
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

  /** Replace the list of people. */
  setPeople(people) {
    this.people = new Map(people.map((one) => [one.wa_id, one]));
    this.#notify("people");
  }

  /** Apply one answer of the transcript; return true when a message is from an unknown person. */
  apply({ world, messages, typing }) {
    if (this.#world !== null && world !== this.#world) this.#forget();
    this.#world = world;
    for (const message of messages) this.#keep(message);
    this.typing = new Set(typing);
    this.loaded = true;
    this.#notify("typing");
    this.#notify("people");
    return messages.some((message) => !this.people.has(message.wa_id));
  }

  #keep(message) {
    const known = this.messages.has(message.id);
    this.messages.set(message.id, message);
    if (this.loaded && !known && message.direction === "out" && !isChangeOfAnother(message)) {
      this.unread.set(message.wa_id, (this.unread.get(message.wa_id) ?? 0) + 1);
    }
    this.#notify("message", message);
  }

  /** Return one person's messages in order, without those that only change others. */
  chat(waId) {
    return [...this.messages.values()].filter((one) => one.wa_id === waId && !isChangeOfAnother(one));
  }

  /** Return the reactions to a message, the customer's and the business's: `[{emoji, direction}]`. */
  reactions(message) {
    const found = new Map();
    for (const one of this.messages.values()) {
      if (one.type !== "reaction" || one.content.reaction?.message_id !== message.id) continue;
      found.set(one.direction, one.content.reaction.emoji);
    }
    return [...found].filter(([, emoji]) => emoji).map(([direction, emoji]) => ({ direction, emoji }));
  }

  /** Return the last message of each person, by number. */
  last() {
    const found = new Map();
    for (const one of this.messages.values()) if (!isChangeOfAnother(one)) found.set(one.wa_id, one);
    return found;
  }

  /** Mark all messages to that person as read on this page. */
  seen(waId) {
    if (this.unread.delete(waId)) this.#notify("people");
  }

  /** Notify the listeners that depend on Meta's clock, which was moved. */
  clockMoved() {
    this.#notify("typing");
    this.#notify("people");
  }

  connection(alive) {
    this.#notify("connection", alive);
  }

  #forget() {
    this.messages.clear();
    this.unread.clear();
    this.people.clear();
    this.#notify("reset");
  }

  #notify(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
