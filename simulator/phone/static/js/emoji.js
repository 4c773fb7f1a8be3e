// A picker of emoji. The browser has its own picker for all others.

import { h } from "./dom.js";
import { popup } from "./popup.js";

export const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const COLUMNS = 8;
const ALL = [
  "😀 😃 😄 😁 😆 😅 😂 🤣 🙂 🙃 😉 😊 😇 🥰 😍 😘",
  "😋 😜 🤪 🤗 🤭 🤔 😐 🙄 😴 😮 😯 😢 😭 😡 🤯 😱",
  "🥳 😎 🤓 👓 🕶️ 👁️ 👀 👍 👎 👌 👏 🙏 💪 🤝 👋 ✌️",
  "🤞 👉 👈 ☝️ ❤️ 🧡 💛 💚 💙 💜 🖤 💔 💯 ✨ 🔥 ⭐",
  "🎉 🎁 📦 🚚 🛒 💳 💰 🧾 📄 📷 🎤 📞 📍 🏠 ⏰ 📅",
  "✅ ❌ ⚠️ ❓ ❗ 🇧🇷 ☀️ 🌙 🌧️ 🐶 🐱 ☕ 🍕 ⚽ 🚗 ✈️",
].flatMap((line) => line.split(" "));

/** Open the picker; `onpick` receives the emoji. */
export function openEmoji(button, place, onpick) {
  const pick = (emoji) => {
    close();
    onpick(emoji);
  };
  const cells = ALL.map((emoji) => h("button", { type: "button", onclick: () => pick(emoji) }, emoji));
  const close = popup(button, place, h("div", { class: "popup emoji", role: "dialog", "aria-label": "Emojis" }, cells), { columns: COLUMNS });
}
