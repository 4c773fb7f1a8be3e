// A person's actions on a phone; the simulator turns them into WhatsApp's messages and refuses impossible ones.

import * as api from "./api.js";

export class Speaker {
  constructor(waId) {
    this.waId = waId;
  }

  /** Perform one action; `replyTo` is the message that it answers. */
  act(act, replyTo = null) {
    return api.speak(this.waId, { ...act, ...(replyTo ? { reply_to: replyTo.id } : {}) });
  }

  text(text, replyTo) {
    return this.act({ text }, replyTo);
  }

  /** React to a message; an empty emoji removes the reaction. */
  react({ id }, emoji) {
    return this.act({ reaction: { message_id: id, emoji } });
  }

  /** Tap a button, a row of a list or a template's quick reply, by its id or payload. */
  tap({ id }, choice) {
    return this.act({ tap: { message_id: id, id: choice } });
  }

  /** Submit a form. */
  submit({ id }, data) {
    return this.act({ flow: { message_id: id, data } });
  }

  /** Share the person's number, by the button of the message that asks for it. */
  shareNumber({ id }) {
    return this.act({ share_number: id });
  }

  edit({ id }, text) {
    return this.act({ edit: { message_id: id, text } });
  }

  revoke({ id }) {
    return this.act({ revoke: id });
  }

  location(location, replyTo) {
    return this.act({ message: { type: "location", location } }, replyTo);
  }

  contact({ name, phone }, replyTo) {
    const [first, ...rest] = name.split(" ");
    const names = { formatted_name: name, first_name: first, ...(rest.length ? { last_name: rest.join(" ") } : {}) };
    const phones = [{ phone, wa_id: phone.replace(/\D/g, ""), type: "CELL" }];
    return this.act({ message: { type: "contacts", contacts: [{ name: names, phones }] } }, replyTo);
  }

  /** Upload a file and send it as `kind`, with a caption if the kind has one. */
  async file(kind, file, { caption = "", voice = false } = {}, replyTo = null) {
    const { id } = await api.upload(file);
    const words = caption ? { caption } : {};
    return this.act({ media: { kind, media_id: id, ...words, ...(kind === "audio" ? { voice } : {}) } }, replyTo);
  }
}
