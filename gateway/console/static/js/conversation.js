// The conversation that is open: its messages, who has it, what a person does with it.

import { post, postAfterwards, Refused } from "./api.js";
import { $, $$, fragment, keepFocus, morph, notice, swap, words } from "./dom.js";
import * as alerts from "./alerts.js";
import { Business } from "./business.js";
import { tick } from "./clock.js";
import { Composer } from "./composer.js";
import { confirmed } from "./confirm.js";
import { Dialogs } from "./dialogs.js";
import * as canned from "./canned.js";
import * as find from "./find.js";
import { shut } from "./menu.js";
import { choose } from "./reactions.js";

const GATHER_MS = 80;
const VIEWING_MS = 20_000;
const NEAR = 120; // pixels from the end that count as the end

export class Conversation {
  #root;
  #stop = new AbortController();
  #waiting = new Set();
  #timer;
  #viewing;
  #typing = false;
  #atEnd = true;
  #resized = new ResizeObserver(() => this.#atEnd && this.toEnd());

  constructor(root) {
    this.#root = root;
    this.id = root.dataset.id;
    this.base = root.dataset.base;
    this.dialogs = new Dialogs(this);
    this.business = new Business(this.base, this.#stop.signal);
    this.composer = $("#composer") ? new Composer(this) : undefined;
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.#stop.signal });
    on($("#pane"), "click", (event) => this.#clicked(event));
    on($("#pane"), "keydown", (event) => this.#pressed(event));
    on($("#pane"), "submit", (event) => this.#submitted(event));
    on($("#scroller"), "scroll", () => this.#scrolled());
    on($("#newer"), "click", () => this.toEnd());
    on(document, "visibilitychange", () => this.#present());
    on(window, "focus", () => this.#read());
    on(window, "pagehide", () => this.end(true));
    // A picture that is loaded late must not push the newest message out of sight.
    $("#scroller").addEventListener("load", () => this.#atEnd && this.toEnd(), { capture: true, signal: this.#stop.signal });
    // Nor must a composer that grows.
    this.#resized.observe($("#scroller"));
    this.#viewing = setInterval(() => this.#present(), VIEWING_MS);
    this.toEnd();
    this.#present();
    this.#read();
    tick();
    find.begin(this);
    if (this.composer) canned.begin();
  }

  get bar() {
    return $("#bar").dataset;
  }

  get version() {
    return Number(this.bar.version);
  }

  get newest() {
    return Number(this.bar.newest);
  }

  /** Leave it; gone: with the whole page. The draft is kept, colleagues see that nobody is here. */
  async end(gone = false) {
    this.#stop.abort();
    this.#resized.disconnect();
    document.body.classList.remove("shows-customer");
    clearInterval(this.#viewing);
    clearTimeout(this.#timer);
    const kept = this.composer?.end(gone);
    postAfterwards(`${this.base}/viewing`, { left: true }).catch(() => {});
    await kept;
  }

  toEnd() {
    const scroller = $("#scroller");
    scroller.scrollTop = scroller.scrollHeight;
    $("#newer").hidden = true;
    this.#atEnd = true;
  }

  write(mode) {
    this.composer?.write(mode);
  }

  ask(name) {
    this.dialogs.ask(name);
  }

  take() {
    $('#bar [data-do="take"]')?.click();
  }

  /** Say whether the person types, so that colleagues see it. */
  typing(now) {
    if (this.#typing === now) return;
    this.#typing = now;
    this.#present();
  }

  #present() {
    if (document.hidden) return;
    post(`${this.base}/viewing`, { typing: this.#typing }).catch(() => {});
  }

  #read() {
    const seq = this.newest;
    if (document.hidden || !document.hasFocus() || !seq || !Number(this.bar.unread)) return;
    post(`${this.base}/read`, { seq }).then(() => ($("#bar").dataset.unread = "0"), () => {});
  }

  /** Fetch what changed: the messages, the head, or both. */
  changed(list) {
    for (const { kind } of list) {
      if (kind === "gone" || kind === "merged") return location.assign("/console/");
      if (["message", "status", "edit", "note"].includes(kind)) this.#waiting.add("thread");
      if (kind !== "status" && kind !== "note") this.#waiting.add("head");
    }
    if (this.#waiting.size) this.#timer ??= setTimeout(() => this.refresh(), GATHER_MS);
  }

  async refresh(parts = [...this.#waiting]) {
    this.#timer = undefined;
    this.#waiting.clear();
    const signal = this.#stop.signal;
    try {
      const [thread, head] = await Promise.all(["thread", "head"].map((part) => parts.includes(part) ? fragment(`${this.base}/${part}${location.search}`) : undefined));
      if (signal.aborted) return;
      const { mine } = this.bar;
      if (head) keepFocus(() => swap(head));
      if (thread) this.#show(thread.firstElementChild);
      if (!thread && mine !== this.bar.mine) this.changed([{ kind: "status" }]); // messages offer other things to a holder
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) return location.assign($(".bar .back").href); // it went to a department of others
      for (const part of parts) this.#waiting.add(part);
      this.#timer ??= setTimeout(() => this.refresh(), 3000);
      return;
    }
    tick();
    this.composer?.stand();
    this.#read();
  }

  #show(next) {
    const list = $("#thread");
    const [stick, before] = [this.#atEnd, Number(list.dataset.seq)];
    const oldest = next.querySelector("[data-seq]")?.dataset.seq;
    const above = [...list.children].filter((one) => one.dataset.seq && Number(one.dataset.seq) < Number(oldest));
    // Older messages that were fetched stay above those that are fetched anew.
    if (above.length) {
      const { more, oldest: first, since } = list.dataset;
      const edge = above.at(-1);
      const kept = [];
      for (let one = list.firstElementChild; one; one = one.nextElementSibling) {
        kept.push(one.cloneNode(true));
        if (one === edge) break;
      }
      next.prepend(...kept);
      Object.assign(next.dataset, { more, oldest: first, since });
    }
    keepFocus(() => morph(list, next));
    if (stick) this.toEnd();
    else if (Number(list.dataset.seq) > before) $("#newer").hidden = false;
  }

  #scrolled() {
    const scroller = $("#scroller");
    this.#atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    if (this.#atEnd) $("#newer").hidden = true;
    if (scroller.scrollTop < NEAR) this.#older();
  }

  /** Show a message by its id and its place, with all that was written since; nothing where it is not shown. */
  async reach(id, seq) {
    const list = $("#thread");
    while (list.dataset.more && Number(list.dataset.oldest) > seq) if (!(await this.#older("&far=yes"))) return;
    const entry = $(`#message-${CSS.escape(id)}`);
    if (!entry) return;
    this.#atEnd = false; // what comes now must not lead away from it, though the browser tells of scrolling later
    find.point(entry);
  }

  async #older(far = "") {
    const list = $("#thread");
    if (!list.dataset.more || this.fetching) return false;
    this.fetching = true;
    try {
      const { oldest, since } = list.dataset;
      const content = await fragment(`${this.base}/thread?before=${oldest}&until=${encodeURIComponent(since)}${far}`);
      const next = content.firstElementChild;
      const scroller = $("#scroller");
      const height = scroller.scrollHeight;
      list.prepend(...next.children);
      for (const name of ["more", "oldest", "since"]) list.dataset[name] = next.dataset[name];
      scroller.scrollTop += scroller.scrollHeight - height;
      return true;
    } catch {
      notice(words().network);
      return false;
    } finally {
      this.fetching = false;
    }
  }

  /** POST something about the conversation. Throws as `post` of api.js. */
  post(name, body) {
    return post(`${this.base}/${name}`, body);
  }

  /** What ends when the conversation is left. */
  get signal() {
    return this.#stop.signal;
  }

  /** Do something by its name; a colleague may have been faster. */
  async act(name, body = {}) {
    if (name === "take") alerts.taken(this.id);
    try {
      await post(`${this.base}/${name}`, { version: this.version, ...body });
      if (name === "confirm-number") this.business.again(); // what the number leads to is shown now
    } catch (error) {
      notice(error instanceof Refused ? error.message : words().network);
    }
    await this.refresh(["head", "thread"]);
  }

  async #clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { dataset } = button;
    for (const menu of $$("details[open]", $("#bar"))) if (dataset.do || dataset.dialog || "findOpen" in dataset) shut(menu);
    if (dataset.confirm && !(await confirmed(button))) return;
    if (dataset.do) this.act(dataset.do, { quiet: "quiet" in dataset, from_person: dataset.from }).then(() => dataset.do === "take" && this.write("reply"));
    if ("template" in dataset) this.act("template", { last_seen: this.newest });
    if ("react" in dataset) choose(button, (emoji) => this.act("react", { message: button.closest(".entry").dataset.wamid, emoji }));
    if (dataset.mark) this.#mark(dataset);
    if (dataset.dialog) this.ask(dataset.dialog);
    if (dataset.untag) this.act("tags", { remove: dataset.untag });
    if (dataset.retry) this.act("retry", { message: dataset.retry, last_seen: this.newest });
    if ("quote" in dataset) this.composer?.quote(button.closest(".entry"));
    if ("businessRetry" in dataset) this.business.again();
    if ("findOpen" in dataset) find.open();
    if (button.id === "panel" || "panelClose" in dataset) this.#panel();
  }

  /** Keep what the person thinks of an answer; of a bad one also why. */
  #mark({ mark, turn }) {
    if (mark === "good") return this.act("mark", { turn, good: true });
    const form = $("#dialog-mark form");
    form.elements.turn.value = turn;
    this.ask("mark");
  }

  #panel() {
    const shown = document.body.classList.toggle("shows-customer");
    $("#panel").setAttribute("aria-expanded", String(shown));
    $(shown ? "[data-panel-close]" : "#panel").focus(); // the panel covers its button on a phone
    this.business.load();
  }

  #pressed(event) {
    if (event.key !== "Escape" || !event.target.closest("#customer") || !document.body.classList.contains("shows-customer")) return;
    event.preventDefault();
    this.#panel();
  }

  #submitted(event) {
    if (event.target.id !== "tag-form") return;
    event.preventDefault();
    const name = $("#tag-name").value.trim();
    $("#tag-name").value = "";
    $("#tag-name").blur();
    if (name) this.act("tags", { name });
  }
}
