// WhatsApp's way to mark text: *bold*, _italic_, ~strike~, `code`, ```block```, lists, quotes, links. Text in, nodes out.

import { h } from "./dom.js";

const TAGS = { "*": "strong", "_": "em", "~": "s" };
// A mark opens after no letter and before no space, and closes the other way round: snake_case and 2*3*4 stay.
const INLINE =
  /```(?<block>[\s\S]+?)```|`(?<code>[^`\n]+)`|(?<url>https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'*_~])|(?<![\p{L}\p{N}])(?<mark>[*_~])(?=\S)(?<marked>(?:(?!\k<mark>)[^\n])*\S)\k<mark>(?![\p{L}\p{N}])/gu;
const ITEM = /^(?:[*-] |(?<number>\d{1,3})\. |(?<quote>> ?))(?<rest>.*)$/;

/** Return the nodes of a message's text. */
export function formatted(text) {
  const nodes = [];
  for (const [index, part] of text.split(/(```[\s\S]+?```)/).entries()) {
    if (index % 2) nodes.push(h("pre", {}, h("code", {}, part.slice(3, -3).replace(/^\n|\n$/g, ""))));
    else nodes.push(...blocks(part.replace(/^\n|\n$/g, "")));
  }
  return nodes;
}

/** Return the text's nodes on one line, without blocks and links: for previews, which are buttons themselves. */
export function flat(text) {
  return inline(text.replace(/```/g, "").replace(/\s+/g, " ")).map((one) => (one.tagName === "A" ? one.textContent : one));
}

function blocks(text) {
  const groups = [];
  for (const line of text.split("\n")) {
    const kind = kindOf(line);
    if (groups.at(-1)?.kind === kind) groups.at(-1).lines.push(line);
    else groups.push({ kind, lines: [line] });
  }
  return groups.flatMap(block);
}

function kindOf(line) {
  const groups = line.match(ITEM)?.groups;
  if (!groups) return "text";
  if (groups.quote) return "blockquote";
  return groups.number ? "ol" : "ul";
}

function block({ kind, lines }) {
  if (kind === "text") return lines.join("\n") ? [h("p", {}, inline(lines.join("\n")))] : [];
  const rests = lines.map((line) => line.match(ITEM).groups);
  if (kind === "blockquote") return [h("blockquote", {}, inline(rests.map(({ rest }) => rest).join("\n")))];
  const start = kind === "ol" ? { start: rests[0].number } : {};
  return [h(kind, start, rests.map(({ rest }) => h("li", {}, inline(rest))))];
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) nodes.push(text.slice(end, match.index));
    nodes.push(node(match.groups));
    end = match.index + match[0].length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

function node({ block: pre, code, url, mark, marked }) {
  if (url) return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url);
  if (mark) return h(TAGS[mark], {}, inline(marked));
  return h("code", {}, code ?? pre);
}
