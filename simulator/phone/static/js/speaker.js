// What a person can send, in the Cloud API's words.

import * as api from "./api.js";

export class Speaker {
  constructor(waId) {
    this.waId = waId;
  }

  /** Send a message's content; `replyTo` is the message that it answers. */
  send(message, replyTo = null) {
    return api.speak(this.waId, { message, ...(replyTo ? { reply_to: replyTo.id } : {}) });
  }

  text(body, replyTo) {
    return this.send({ type: "text", text: { body } }, replyTo);
  }

  /** React to a message; an empty emoji takes the reaction back. */
  react(message, emoji) {
    return this.send({ type: "reaction", reaction: { message_id: message.id, emoji } });
  }

  /** Tap a button or choose a row of a list: `kind` is "button_reply" or "list_reply". */
  choose(message, kind, choice) {
    return this.send({ type: "interactive", interactive: { type: kind, [kind]: choice } }, message);
  }

  /** Tap a template's quick reply. */
  quickReply(message, text, payload) {
    return this.send({ type: "button", button: { text, payload } }, message);
  }

  /** Send a form back. */
  submit(message, answers) {
    const nfm = { name: "flow", body: "Sent", response_json: JSON.stringify(answers) };
    return this.send({ type: "interactive", interactive: { type: "nfm_reply", nfm_reply: nfm } }, message);
  }

  location(location, replyTo) {
    return this.send({ type: "location", location }, replyTo);
  }

  contact({ name, phone }, replyTo) {
    const [first, ...rest] = name.split(" ");
    const names = { formatted_name: name, first_name: first, ...(rest.length ? { last_name: rest.join(" ") } : {}) };
    const phones = [{ phone, wa_id: phone.replace(/\D/g, ""), type: "CELL" }];
    return this.send({ type: "contacts", contacts: [{ name: names, phones }] }, replyTo);
  }

  /** Upload a file and send it as `kind`, with a caption where the kind has one. */
  async file(kind, file, { caption = "", voice = false } = {}, replyTo = null) {
    const part = await api.upload(this.waId, file);
    if (caption && kind !== "audio" && kind !== "sticker") part.caption = caption;
    if (kind === "document") part.filename = file.name;
    if (kind === "audio") part.voice = voice;
    return this.send({ type: kind, [kind]: part }, replyTo);
  }
}
