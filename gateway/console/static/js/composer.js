// The composer: a reply or a note, with a draft of each, kept by the server while a person writes.

import { post, Refused } from "./api.js";
import { Attachments } from "./attachments.js";
import { $, $$, words } from "./dom.js";
import { Drafts } from "./drafts.js";

const TYPING_MS = 4000;
const TALLEST = 220;

export class Composer {
  #conversation;
  #form = $("#composer");
  #text = $("#composer-text");
  #drafts;
  #replyTo;
  #typing;
  #sending = false;
  #attachments;
  #confirmed; // the newest message of the customer that the person confirmed to have seen

  constructor(conversation) {
    this.#conversation = conversation;
    const { reply, note, replyTo } = this.#form.dataset;
    this.#replyTo = replyTo;
    this.#drafts = new Drafts(`${conversation.base}/draft`, { reply, note }, () => this.#replyTo, () => this.#state(words().saved));
    this.#form.addEventListener("submit", (event) => (event.preventDefault(), this.#send()));
    this.#text.addEventListener("input", () => this.#typed());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    for (const button of $$("[data-mode-button]", this.#form)) button.addEventListener("click", () => this.write(button.dataset.modeButton));
    this.#attachments = new Attachments(conversation, () => this.stand(), conversation);
    $("#unquote").addEventListener("click", () => this.#unquote());
    this.#mode(note && !reply ? "note" : "reply");
    this.#quoteId(this.#replyTo);
  }

  get mode() {
    return this.#form.dataset.mode;
  }

  /** Go to the text, in this mode. */
  write(mode) {
    if (mode !== this.mode) {
      this.#drafts.store();
      this.#mode(mode);
    }
    this.#text.focus();
  }

  #mode(mode) {
    this.#form.dataset.mode = mode;
    this.#text.value = this.#drafts.text(mode);
    this.#text.placeholder = this.#text.dataset[`${mode}Hint`];
    for (const button of $$("[data-mode-button]", this.#form)) button.setAttribute("aria-pressed", String(button.dataset.modeButton === mode));
    const send = $(".send", this.#form);
    const label = mode === "note" ? send.dataset.add : send.dataset.send;
    send.setAttribute("aria-label", label);
    send.title = label;
    $("span", send).textContent = mode === "note" ? label : "";
    this.#problem("");
    this.stand();
    this.#size();
  }

  /** What may be written follows from who has the conversation and whether the window is open. */
  stand() {
    const { mine, window: open } = this.#conversation.bar;
    const may = this.mode === "note" || (mine && open);
    if (!mine) this.#unquote();
    this.#text.disabled = !may;
    $("#attach").disabled = !may;
    $(".send", this.#form).disabled = !may || (this.mode === "reply" && this.#attachments.busy);
    document.body.classList.toggle("note-mode", this.mode === "note");
  }

  #typed() {
    this.#drafts.write(this.mode, this.#text.value);
    this.#size();
    this.#state("");
    clearTimeout(this.#typing);
    this.#conversation.typing(Boolean(this.#text.value));
    this.#typing = setTimeout(() => this.#conversation.typing(false), TYPING_MS);
  }

  #size() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight + 2, TALLEST)}px`;
  }

  #state(text) {
    $("#draft-state").textContent = text;
  }

  /** Leave; gone: with the whole page. What was written is kept. */
  end(gone) {
    clearTimeout(this.#typing);
    document.body.classList.remove("note-mode");
    return gone ? this.#drafts.leave() : this.#drafts.store();
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  async #send() {
    const { mode } = this;
    const text = this.#text.value.trim();
    const files = mode === "reply" ? this.#attachments.ids : [];
    if ((!text && !files.length) || this.#sending || $(".send", this.#form).disabled) return;
    this.#sending = true;
    this.#drafts.hold(mode);
    try {
      if (mode === "note") await post(`${this.#conversation.base}/note`, { text });
      else await post(`${this.#conversation.base}/send`, { text, files, reply_to: this.#replyTo, last_seen: this.#confirmed ?? this.#conversation.newest });
      this.#sent(mode);
    } catch (error) {
      this.#refused(error, mode);
    } finally {
      this.#sending = false;
    }
    await this.#conversation.refresh(["head", "thread"]);
  }

  #sent(mode) {
    this.#confirmed = undefined;
    if (this.mode === mode) this.#text.value = "";
    if (mode === "reply") {
      this.#quoteId("");
      this.#attachments.clear();
    }
    this.#drafts.sent(mode);
    this.#problem("");
    this.#size();
    this.#state("");
    this.#conversation.typing(false);
    this.#conversation.toEnd();
  }

  #refused(error, mode) {
    this.#drafts.write(mode, this.#drafts.text(mode));
    this.#problem(error instanceof Refused ? error.message : words().network);
    if (error instanceof Refused && error.told.newer) this.#confirmed = error.told.newer;
  }

  #problem(text) {
    const box = $("#composer-problem");
    box.textContent = text;
    box.hidden = !text;
  }

  /** Answer this message, where the person has the conversation. */
  quote(entry) {
    if (!this.#conversation.bar.mine) return;
    this.write("reply");
    this.#quoteId(entry.dataset.wamid);
    this.#typed();
  }

  /** Quote nothing, also in the draft that is kept. */
  #unquote() {
    if (!this.#replyTo) return;
    this.#quoteId("");
    this.#drafts.store("reply");
  }

  #quoteId(wamid) {
    this.#replyTo = wamid;
    const entry = wamid ? $(`.entry[data-wamid="${CSS.escape(wamid)}"]`) : null;
    $("#quoting").hidden = !wamid;
    $("#quoting span").textContent = entry ? quoted(entry) : "…";
  }
}

/** Return a message in a few words: its text, what was chosen or said, the kind of its picture, or else its time. */
function quoted(entry) {
  const text = $(".text, .choice, .transcript, .file, .answers", entry)?.textContent.trim();
  return text || $("img", entry)?.alt || $(".meta time", entry).textContent;
}
