// Sheets: what slides up over the phone's screen to ask for something.

import { el, icon } from "./dom.js";

const PLACES = [
  ["华阴市人民政府", 34.566079, 110.092078],
  ["华阴市政务服务大厅（示例）", 34.5637, 110.0869],
  ["西岳庙", 34.5686, 110.1056],
  ["华山站", 34.5329, 110.0496],
  ["玉泉院", 34.5311, 110.0838],
];
const SAMPLES = [
  ["pothole.jpg", "路面坑洞"],
  ["lamp.jpg", "路灯不亮"],
  ["paper.jpg", "材料样张"],
];
const EMOJI = "😀😄😅😂🙂😉😊😍🤔😐😣😭😡👍👎🙏👏💪🌹❤️🎉☀️🌧️🚗🏠📞🆔✅❌❓".match(/\p{Extended_Pictographic}\uFE0F?/gu);

const layer = () => document.getElementById("sheets");
let before = null;

export function closeSheet() {
  if (layer().hidden) return false;
  layer().hidden = true;
  layer().replaceChildren();
  before?.focus?.();
  return true;
}

export function openSheet(title, ...content) {
  before = layer().hidden ? document.activeElement : before;
  const close = el("button", { type: "button", class: "icon-button", "aria-label": "关闭", on: { click: closeSheet } }, icon("close"));
  const sheet = el("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": title }, el("header", {}, el("h2", {}, title), close), ...content);
  layer().replaceChildren(sheet);
  layer().hidden = false;
  (sheet.querySelector("input, textarea, .row-button") || close).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && closeSheet()) event.preventDefault();
  if (event.key !== "Tab" || layer().hidden) return;
  const inside = [...layer().querySelectorAll("button, input, textarea, select, a")].filter((one) => one.offsetParent);
  const edge = event.shiftKey ? inside[0] : inside.at(-1);
  if (document.activeElement === edge) {
    event.preventDefault();
    (event.shiftKey ? inside.at(-1) : inside[0]).focus();
  }
});
document.addEventListener("pointerdown", (event) => {
  if (event.target === layer()) closeSheet();
});

function form(submit, label, ...fields) {
  const send = (event) => {
    event.preventDefault();
    submit(new FormData(event.target));
  };
  return el("form", { on: { submit: send } }, ...fields, el("button", { type: "submit", class: "primary" }, label));
}

function field(label, control) {
  return el("label", { class: "field" }, el("span", {}, label), control);
}

function row(label, note, click, extra = null) {
  return el("button", { type: "button", class: "row-button", on: { click } }, extra, el("span", {}, el("b", {}, label), note ? el("small", {}, note) : null));
}

export function voiceSheet(act) {
  const submit = (data) => act({ do: "voice", text: data.get("text"), recognised: data.has("recognised") });
  openSheet(
    "语音消息",
    form(
      submit,
      "发送语音",
      field("说了什么", el("textarea", { name: "text", rows: 3, required: true, maxlength: 200, placeholder: "例如：身份证丢了咋办" })),
      el("label", { class: "check" }, el("input", { type: "checkbox", name: "recognised", checked: true }), "带上语音识别结果（Recognition）"),
    ),
  );
}

export function imageSheet(act) {
  const send = (filename, blob) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => act({ do: "image", filename, data: reader.result }));
    reader.readAsDataURL(blob);
  };
  const sample = ([file, words]) =>
    el(
      "button",
      { type: "button", class: "sample", on: { click: async () => send(file, await (await fetch(`/static/samples/${file}`)).blob()) } },
      el("img", { src: `/static/samples/${file}`, alt: "" }),
      el("span", {}, words),
    );
  const chooser = el("input", { type: "file", accept: "image/jpeg,image/png,image/gif", class: "file" });
  chooser.addEventListener("change", () => {
    const file = chooser.files[0];
    if (file) send(`photo.${file.type.split("/")[1]}`, file);
  });
  const own = el("label", { class: "secondary file-button" }, "选择本机图片", chooser);
  openSheet("发送图片", el("div", { class: "samples" }, SAMPLES.map(sample)), own);
}

export function placeSheet(act) {
  const send = (label, latitude, longitude) => act({ do: "location", label, latitude, longitude });
  const rows = PLACES.map(([label, latitude, longitude]) => row(label, `${latitude}, ${longitude}`, () => send(label, latitude, longitude), icon("pin")));
  const number = (name, value) => el("input", { name, type: "number", step: "any", required: true, value });
  openSheet(
    "发送位置",
    el("div", { class: "rows" }, rows),
    form(
      (data) => send(data.get("label"), Number(data.get("latitude")), Number(data.get("longitude"))),
      "发送这个位置",
      el("div", { class: "pair" }, field("纬度", number("latitude", "34.56")), field("经度", number("longitude", "110.09"))),
      field("地点名称", el("input", { name: "label", maxlength: 60, value: "我在这里" })),
    ),
  );
}

export function scanSheet(codes, act) {
  const code = (one) =>
    row(one.scene, one.permanent ? "永久二维码" : "临时二维码", () => act({ do: "scan", scene: one.ticket }), el("img", { class: "code", alt: "", src: `/phone/code?ticket=${encodeURIComponent(one.ticket)}` }));
  openSheet(
    "扫一扫",
    codes.length ? el("div", { class: "rows" }, codes.map(code)) : el("p", { class: "empty" }, "这个公众号还没有生成带参数的二维码。"),
    form((data) => act({ do: "scan", scene: data.get("scene") }), "扫描", field("场景值、ticket 或二维码链接", el("input", { name: "scene", required: true, autocomplete: "off" }))),
  );
}

export function linkSheet(act) {
  const submit = (data) => act({ do: "link", title: data.get("title"), description: data.get("description"), url: data.get("url") });
  openSheet(
    "分享链接",
    form(
      submit,
      "发送链接",
      field("标题", el("input", { name: "title", required: true, maxlength: 64, value: "居住证办理指南" })),
      field("摘要", el("input", { name: "description", maxlength: 120, value: "材料、地点与时间" })),
      field("网址", el("input", { name: "url", type: "url", required: true, value: "https://example.com/guide" })),
    ),
  );
}

export function noticeSheet(notices, act) {
  const one = (notice) =>
    el(
      "div",
      { class: "consent" },
      el("span", {}, el("b", {}, notice.title), el("small", {}, notice.left > 1000 ? "已长期允许" : `剩余 ${notice.left} 次`)),
      el("button", { type: "button", on: { click: () => act({ do: "consent", id: notice.id, accepted: false }) } }, "拒绝"),
      el("button", { type: "button", class: "accept", on: { click: () => act({ do: "consent", id: notice.id, accepted: true }) } }, "允许"),
    );
  openSheet("订阅通知", el("div", { class: "rows" }, notices.map(one)));
}

export function emojiSheet(insert) {
  openSheet("表情", el("div", { class: "emoji" }, EMOJI.map((one) => el("button", { type: "button", class: "row-button", on: { click: () => insert(one) } }, one))));
}

export function resultSheet(submit) {
  openSheet("扫码", form((data) => submit(data.get("result")), "确定", field("码里的内容", el("input", { name: "result", required: true, value: "TICKET:A0123" }))));
}

export function citizenSheet(citizens, current, choose, add) {
  const one = (citizen) =>
    row(citizen.name, `${citizen.platform === 1 ? "iOS" : "安卓"}${citizen.id === current ? " · 当前" : ""}`, () => choose(citizen.id), icon(citizen.id === current ? "check" : "person"));
  openSheet(
    "切换市民",
    el("div", { class: "rows" }, citizens.map(one)),
    form((data) => add(data.get("name")), "添加市民", field("称呼", el("input", { name: "name", required: true, maxlength: 20, placeholder: "例如：市民丁" }))),
  );
}
