// Addresses in messages.

/** Return the address if a browser may follow it (http, https), else null. */
export function safeUrl(text) {
  if (!URL.canParse(text ?? "")) return null;
  const url = new URL(text);
  return ["http:", "https:"].includes(url.protocol) ? url.href : null;
}
