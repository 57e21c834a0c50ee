// Bubbles: one entry of a chat as it stands on the screen.

import { accountAvatar, citizenAvatar, el, icon, shortTime } from "./dom.js";
import { outside, richText, safeUrl } from "./richtext.js";

const GAP = 300; // seconds after which the time is shown again
const WIDE = new Set(["news", "template", "msgmenu"]);

// context: {account, citizen, choose(text, id), profile(), seen(url)}
export function bubble(entry, before, context) {
  const rows = [];
  if (!before || entry.at - before.at > GAP) rows.push(el("time", { class: "when" }, shortTime(entry.at)));
  if (entry.side === "system" && entry.kind === "note") {
    rows.push(el("p", { class: "note" }, entry.body.text));
    return rows;
  }
  const mine = entry.side === "me";
  const avatar = mine
    ? citizenAvatar(context.citizen)
    : el("button", { type: "button", class: "avatar-button", "aria-label": "公众号资料", on: { click: context.profile } }, accountAvatar(context.account));
  const draw = DRAW[entry.kind] || unknown;
  const content = el("div", { class: "content" });
  if (entry.body.agent) content.append(el("span", { class: "agent" }, `客服 ${entry.body.agent.split("@")[0]}`));
  content.append(draw(entry.body, context, entry));
  if (entry.body.is_ai) content.append(el("span", { class: "ai" }, "内容由 AI 生成"));
  const side = mine ? "mine" : "theirs";
  const wide = !mine && WIDE.has(entry.kind) ? " wide" : "";
  rows.push(el("div", { class: `line ${side}${wide}`, "data-kind": entry.kind, "data-seq": entry.seq }, avatar, content));
  return rows;
}

export function preview(entry) {
  if (!entry) return "";
  const names = { image: "[图片]", voice: "[语音]", video: "[视频]", music: "[音乐]", location: "[位置]", link: "[链接]" };
  const { body, kind } = entry;
  if (kind === "news") return `[图文] ${body.articles[0].title}`;
  if (kind === "msgmenu") return body.head || "[菜单]";
  if (kind === "template") return `[服务通知] ${body.title}`;
  if (kind === "miniprogrampage") return `[小程序] ${body.title}`;
  return names[kind] || (body.text || "").replace(/<[^>]+>/g, "").replace(/\s+/g, " ");
}

const DRAW = {
  text: (body, context) => el("div", { class: "bubble" }, ...richText(body.text, context.choose)),
  failure: (body) => el("div", { class: "bubble failure" }, body.text),
  image: (body) => picture(`/phone/media/${encodeURIComponent(body.media_id)}`, "photo", "图片"),
  voice,
  video,
  music,
  location,
  link: (body) => linkCard(body.title, body.description, null, safeUrl(body.url)),
  news,
  msgmenu,
  template,
  miniprogrampage: (body) => linkCard(body.title, "小程序", `/phone/media/${encodeURIComponent(body.thumb_media_id)}`, null),
};

function unknown(body, context, entry) {
  return el("div", { class: "bubble" }, `[${entry.kind}]`);
}

function picture(url, kind, words) {
  const image = el("img", { src: url, alt: words, class: kind, loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(el("span", { class: `${kind} lost` }, icon("image"))));
  return image;
}

function voice(body) {
  const seconds = body.seconds || 3;
  const box = el("div", { class: "voice-box" });
  const play = () => new Audio(`/phone/media/${encodeURIComponent(body.media_id)}`).play().catch(() => {}); // amr is silent here
  const length = Math.min(6, Math.ceil(seconds / 2));
  box.append(el("button", { type: "button", class: `bubble voice length-${length}`, "aria-label": `语音 ${seconds} 秒`, on: { click: play } }, icon("voice"), `${seconds}″`));
  if (body.text) box.append(el("p", { class: "transcript" }, body.text));
  return box;
}

function video(body) {
  const player = el("video", { class: "photo", controls: true, preload: "metadata", src: `/phone/media/${encodeURIComponent(body.media_id)}` });
  return el("figure", { class: "video" }, player, body.title ? el("figcaption", {}, body.title) : null);
}

function music(body) {
  const words = el("span", { class: "music-words" }, el("b", {}, body.title || "音乐"), el("small", {}, body.description));
  const card = el("div", { class: "music" }, words, el("span", { class: "music-disc" }, icon("play")));
  const url = safeUrl(body.url);
  return url ? outside(url, card) : card;
}

function location(body) {
  return el(
    "div",
    { class: "place" },
    el("b", {}, body.label || "位置"),
    el("small", {}, `${body.latitude.toFixed(5)}, ${body.longitude.toFixed(5)}`),
    el("span", { class: "map" }, icon("pin")),
  );
}

function linkCard(title, description, image, url) {
  const side = image ? picture(image, "thumb", "") : el("span", { class: "thumb lost" }, icon("link"));
  const card = el("div", { class: "link-card" }, el("b", {}, title), el("div", { class: "link-body" }, el("small", {}, description), side));
  return url ? outside(url, card) : card;
}

function news(body) {
  const [first, ...others] = body.articles;
  const cover = safeUrl(first.picurl) ? picture(first.picurl, "cover", "") : null;
  const head = el("div", { class: "news-head" }, cover, el("b", {}, first.title));
  if (!others.length && first.description) head.append(el("p", {}, first.description));
  const card = el("article", { class: "card news" }, linked(first.url, head));
  for (const one of others) {
    const thumb = safeUrl(one.picurl) ? picture(one.picurl, "thumb", "") : null;
    card.append(linked(one.url, el("div", { class: "news-row" }, el("span", {}, one.title), thumb)));
  }
  if (!others.length && safeUrl(first.url)) card.append(linked(first.url, el("div", { class: "card-foot" }, "阅读全文")));
  return card;
}

function linked(url, child) {
  return safeUrl(url) ? outside(url, child) : child;
}

function msgmenu(body, context) {
  const option = (one) =>
    el("li", {}, el("button", { type: "button", class: "option", on: { click: () => context.choose(one.content, one.id) } }, one.content));
  return el(
    "div",
    { class: "card menu-card" },
    body.head ? el("p", {}, ...richText(body.head, context.choose)) : null,
    el("ul", {}, body.list.map(option)),
    body.tail ? el("p", { class: "tail" }, ...richText(body.tail, context.choose)) : null,
  );
}

function template(body) {
  const rows = body.rows.map(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]);
  const card = el("article", { class: "card notice" }, el("b", {}, body.title), el("dl", {}, ...rows.flat()));
  if (safeUrl(body.url)) card.append(linked(body.url, el("div", { class: "card-foot" }, "查看详情")));
  return card;
}
