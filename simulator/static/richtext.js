// Texts as WeChat shows them: line breaks, <a href> links, msgmenu links and bare addresses.
// Everything else, also other tags, is shown as it was written.

import { el } from "./dom.js";

const ANCHOR = /<a\s+([^>]*)>([\s\S]*?)<\/a>/gi;
const ADDRESS = /https?:\/\/[^\s<>"'，。；！？（）【】]+/g;

// `choose(text, id)` is called for a tapped msgmenu link.
export function richText(text, choose) {
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(ANCHOR)) {
    pieces.push(...plain(text.slice(done, match.index)));
    pieces.push(anchor(match[1], match[2], match[0], choose));
    done = match.index + match[0].length;
  }
  pieces.push(...plain(text.slice(done)));
  return pieces;
}

function plain(text) {
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    pieces.push(text.slice(done, match.index), outside(match[0], match[0]));
    done = match.index + match[0].length;
  }
  pieces.push(text.slice(done));
  return pieces.filter((piece) => piece !== "");
}

function anchor(attributes, label, source, choose) {
  const found = /href\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
  const target = (found?.[1] ?? found?.[2] ?? "").replaceAll("&amp;", "&");
  if (/^https?:\/\//i.test(target)) return outside(target, label);
  if (/^tel:[\d+-]+$/i.test(target)) return el("a", { href: target }, label);
  if (/^weixin:\/\/bizmsgmenu\?/i.test(target)) {
    const query = new URLSearchParams(target.slice(target.indexOf("?") + 1));
    const content = query.get("msgmenucontent") || label;
    const click = () => choose(content, query.get("msgmenuid") || "");
    return el("button", { type: "button", class: "text-link", on: { click } }, label);
  }
  return /data-miniprogram-appid/i.test(attributes) ? el("span", { class: "text-link" }, label) : source;
}

export function outside(url, ...children) {
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

export function safeUrl(url) {
  return /^https?:\/\//i.test(url || "") ? url : null;
}
