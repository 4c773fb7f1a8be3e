// Files that a person attaches: chosen, pasted or dropped; uploaded at once, shown with their progress, sent by the composer.

import { $, words } from "./dom.js";

const PICTURES = ["image/jpeg", "image/png", "image/webp", "image/gif"];

export class Attachments {
  #conversation;
  #changed;
  #list = $("#attached");
  #input = $("#attach-input");
  #depth = 0; // of elements that a dragged file has entered

  /** changed: called when a file came, went, or has been uploaded. */
  constructor(conversation, changed, { signal }) {
    this.#conversation = conversation;
    this.#changed = changed;
    const on = (target, name, act) => target.addEventListener(name, act, { signal });
    on($("#attach"), "click", () => this.#input.click());
    on(this.#input, "change", () => (this.add(this.#input.files), (this.#input.value = "")));
    on($("#composer-text"), "paste", (event) => this.#pasted(event));
    const pane = $("#conversation");
    on(pane, "dragenter", (event) => this.#dragged(event, 1));
    on(pane, "dragleave", (event) => this.#dragged(event, -1));
    on(pane, "dragover", (event) => this.#may && hasFiles(event) && event.preventDefault());
    on(pane, "drop", (event) => this.#dropped(event));
    on(this.#list, "click", (event) => this.#clicked(event));
    on($("#composer"), "canned-file", (event) => this.#copied(event.detail));
  }

  get #may() {
    return !$("#attach").disabled && $("#composer").dataset.mode === "reply";
  }

  /** Ids of the files that are uploaded, in order. */
  get ids() {
    return [...this.#list.children].map((one) => one.dataset.file).filter(Boolean);
  }

  /** Whether an upload goes on. */
  get busy() {
    return [...this.#list.children].some((one) => !one.dataset.file && !one.dataset.problem);
  }

  clear() {
    for (const one of [...this.#list.children]) if (one.dataset.file) this.#forget(one);
  }

  add(files) {
    if (!this.#may) return;
    for (const file of files) this.#upload(file);
  }

  #pasted(event) {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    this.add(event.clipboardData.files);
  }

  #dragged(event, by) {
    if (!hasFiles(event) || !this.#may) return;
    event.preventDefault();
    this.#depth += by;
    $("#drop").hidden = this.#depth <= 0;
  }

  #dropped(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    $("#drop").hidden = true;
    this.add(event.dataTransfer.files);
  }

  #clicked(event) {
    const item = event.target.closest("button[data-remove]")?.closest("li");
    if (!item) return;
    item.request?.abort();
    if (item.dataset.file) this.#conversation.post(`files/${item.dataset.file}/drop`, {}).catch(() => {});
    this.#forget(item);
  }

  #forget(item) {
    if (item.preview) URL.revokeObjectURL(item.preview);
    item.remove();
    this.#show();
  }

  #show() {
    this.#list.hidden = !this.#list.children.length;
    this.#changed();
  }

  /** Attach a copy of a canned reply's file. */
  async #copied({ id, name, kind }) {
    if (!this.#may) return;
    const item = this.#item({ name }, kind === "image" ? `/console/canned/files/${id}` : undefined);
    $("progress", item).removeAttribute("value"); // how far the server is with its copy is not known
    this.#show();
    try {
      this.#ended(item, 200, await this.#conversation.post(`canned/${id}`, {}));
    } catch (error) {
      this.#ended(item, error.status ?? 0, error.told);
    }
  }

  #item(file, picture) {
    const item = $("#attached-item").content.firstElementChild.cloneNode(true);
    $(".attached-name", item).textContent = file.name;
    const remove = $("button", item);
    remove.setAttribute("aria-label", remove.dataset.label.replace("{name}", file.name));
    if (PICTURES.includes(file.type)) item.preview = URL.createObjectURL(file);
    if (item.preview || picture) $(".attached-picture", item).replaceChildren(Object.assign(document.createElement("img"), { src: item.preview ?? picture, alt: "" }));
    this.#list.append(item);
    return item;
  }

  #upload(file) {
    const item = this.#item(file);
    const request = new XMLHttpRequest(); // fetch does not tell how much has gone
    item.request = request;
    request.open("POST", `${this.#conversation.base}/files`);
    request.setRequestHeader("X-CSRF-Token", $('meta[name="csrf"]').content);
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    const bar = $("progress", item);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && (bar.value = event.loaded / event.total));
    request.addEventListener("load", () => this.#ended(item, request.status, request.response));
    request.addEventListener("error", () => this.#ended(item, 0));
    request.send(file);
    this.#show();
  }

  #ended(item, status, told) {
    $("progress", item).remove();
    if (status === 200) item.dataset.file = told.file;
    else {
      item.dataset.problem = "yes";
      $(".attached-problem", item).textContent = told?.error ?? words().network;
    }
    this.#show();
  }
}

function hasFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}
