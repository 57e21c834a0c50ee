// Desk: the developer's panel beside the phone, on wide screens. Raw deliveries, API calls, faults.

import { el, iconButton } from "./dom.js";
import { get, post, remove } from "./server.js";

const MODES = { plain: "明文", compatible: "兼容", safe: "安全" };
const OUTCOMES = { pending: "进行中", replied: "已回复", silent: "无回复", failed: "失败", none: "无推送" };
const TRIES = { replied: "已回复", silent: "无回复", invalid: "回复无效", failed: "失败", timeout: "超时", dropped: "被丢弃" };
const KINDS = { text: "文本", image: "图片", voice: "语音", location: "位置", link: "链接", subscribe: "关注", unsubscribe: "取消关注", CLICK: "菜单点击", VIEW: "菜单链接", SCAN: "扫码" };

export class Desk {
  constructor(root, state) {
    this.root = root;
    this.state = state;
    this.tab = "exchanges";
    this.open = new Map();
    this.wide = window.matchMedia("(min-width: 900px)");
  }

  start() {
    const tab = (id, label) =>
      el("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "panel-body", "aria-selected": String(id === this.tab), on: { click: () => this.choose(id) } }, label);
    this.tabs = el("div", { class: "tabs", role: "tablist" }, tab("exchanges", "推送"), tab("calls", "接口"), tab("faults", "故障"));
    this.status = el("p", { class: "panel-status" });
    this.body = el("div", { class: "panel-body", id: "panel-body", role: "tabpanel" });
    this.root.replaceChildren(el("header", {}, el("h2", {}, "微信模拟器"), this.status), this.tabs, this.body);
    this.wide.addEventListener("change", () => this.refresh());
    this.refresh();
  }

  choose(id) {
    this.tab = id;
    for (const one of this.tabs.children) one.setAttribute("aria-selected", String(one.id === `tab-${id}`));
    this.body.replaceChildren();
    this.refresh();
  }

  async refresh() {
    if (!this.body || !this.wide.matches) return;
    this.drawStatus();
    const { tab } = this;
    const drawn = await this[tab]().catch((error) => [el("p", { class: "empty" }, error.message)]);
    if (drawn && tab === this.tab) this.body.replaceChildren(...drawn);
  }

  drawStatus() {
    const { chat, accounts } = this.state();
    if (!chat) {
      this.status.textContent = `${accounts.length} 个公众号 · 点开一个开始聊天`;
      return;
    }
    const { count, seconds } = chat.facts.window;
    const hours = Math.floor(seconds / 3600);
    const rest = hours ? `${hours} 小时 ${Math.floor((seconds % 3600) / 60)} 分` : `${seconds} 秒`;
    this.status.textContent = seconds > 0 ? `客服窗口：还可发 ${count} 条 · 剩 ${rest}` : "客服窗口：已关闭";
  }

  async exchanges() {
    const { chat } = this.state();
    if (!chat) return [guide()];
    const { deliveries } = await get("/phone/exchanges", chat.where);
    if (!deliveries.length) return [el("p", { class: "empty" }, "发一条消息，这里会显示发给公众号服务器的原始推送和它的回复。")];
    return deliveries.map((one, index) => this.delivery(one, index === 0));
  }

  delivery(one, first) {
    const last = one.attempts.at(-1);
    const key = one.delivery;
    const head = el(
      "summary",
      {},
      el("b", {}, KINDS[one.kind] || one.kind),
      el("span", { class: `mark ${one.outcome}` }, OUTCOMES[one.outcome]),
      el("span", { class: "mark" }, MODES[one.mode]),
      el("span", { class: "grow" }),
      el("small", {}, last ? `${last.ms} ms · ${one.attempts.length} 次` : "…"),
    );
    const box = el("details", { class: "delivery", open: this.open.get(key) ?? first }, head);
    head.addEventListener("click", () => this.open.set(key, !box.open));
    if (one.message_id) box.append(el("p", { class: "hint" }, `MsgId ${one.message_id}`));
    box.append(raw("推送（明文）", one.xml));
    for (const attempt of one.attempts) box.append(...this.attempt(one, attempt));
    return box;
  }

  attempt(one, attempt) {
    const parts = [
      el("p", { class: "attempt" }, el("b", {}, `第 ${attempt.number} 次`), el("span", { class: `mark ${attempt.outcome}` }, TRIES[attempt.outcome] || "等待"), el("small", {}, `${attempt.status || "—"} · ${attempt.ms} ms`)),
    ];
    if (attempt.problem) parts.push(el("p", { class: "problem" }, attempt.problem));
    if (attempt.plain) parts.push(raw("回复（明文）", attempt.plain));
    if (one.mode !== "plain") parts.push(folded("原始请求", `POST ${attempt.url}\n\n${attempt.request}`));
    if (attempt.answer) parts.push(folded("原始回复", attempt.answer));
    return parts;
  }

  async calls() {
    const { chat } = this.state();
    const { lines } = await get("/simulator/log", chat ? { what: "api", appid: chat.appid } : { what: "api" });
    if (!lines.length) return [el("p", { class: "empty" }, "公众号服务器还没有调用过接口。")];
    return lines.slice(-40).reverse().map((line) =>
      el(
        "details",
        { class: "delivery" },
        el("summary", {}, el("code", {}, line.path), el("span", { class: "grow" }), el("span", { class: `mark ${line.errcode || line.status !== 200 ? "failed" : "replied"}` }, line.status === 200 ? String(line.errcode) : `HTTP ${line.status}`), el("small", {}, `${line.ms} ms`)),
        el("p", { class: "hint" }, line.rid),
        line.request ? raw("请求", line.request) : null,
        line.answer ? raw("回答", line.answer) : null,
      ),
    );
  }

  async faults() {
    if (this.body.contains(document.activeElement) && document.activeElement.matches("input, select")) return null;
    const { chat } = this.state();
    const { faults, api_kinds: api, callback_kinds: callback } = await get("/simulator/faults");
    const names = { ...api, ...callback };
    const options = (kinds) => Object.entries(kinds).map(([kind, label]) => el("option", { value: kind }, label));
    const add = async (event) => {
      event.preventDefault();
      const data = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
      await post("/simulator/faults", { ...data, count: Number(data.count) || null, seconds: Number(data.seconds) || null });
      document.activeElement.blur();
      this.refresh();
    };
    const off = (path) => async () => {
      await remove(path);
      this.refresh();
    };
    const line = (one) =>
      el("li", {}, el("span", {}, el("b", {}, names[one.kind]), el("small", {}, [one.appid || "全部公众号", one.count ? `还有 ${one.count} 次` : "一直", one.seconds ? `${one.seconds} 秒` : ""].filter(Boolean).join(" · "))), iconButton("close", "关掉这个故障", off(`/simulator/faults/${one.id}`)));
    return [
      el(
        "form",
        { class: "fault-form", on: { submit: add } },
        el("label", {}, "故障", el("select", { name: "kind" }, el("optgroup", { label: "接口调用" }, options(api)), el("optgroup", { label: "消息推送" }, options(callback)))),
        el("label", {}, "公众号", el("select", { name: "appid" }, el("option", { value: "" }, "全部"), chat ? el("option", { value: chat.appid }, chat.facts.account.name) : null)),
        el("label", {}, "次数", el("input", { name: "count", type: "number", min: 1, placeholder: "一直" })),
        el("label", {}, "秒数", el("input", { name: "seconds", type: "number", min: 0, step: "any", placeholder: "默认" })),
        el("button", { type: "submit", class: "primary" }, "打开故障"),
      ),
      faults.length ? el("ul", { class: "fault-list" }, faults.map(line)) : el("p", { class: "empty" }, "现在一切正常。"),
      faults.length ? el("button", { type: "button", class: "secondary", on: { click: off("/simulator/faults") } }, "全部关掉") : "",
    ];
  }
}

function guide() {
  const rows = [
    ["推送", "每条消息的签名、密文、回复与耗时"],
    ["接口", "公众号服务器对平台的每次调用与返回码"],
    ["故障", "让平台变慢、超时、报错，或让推送重复、丢失"],
  ];
  return el("dl", { class: "guide" }, rows.flatMap(([name, words]) => [el("dt", {}, name), el("dd", {}, words)]));
}

function raw(label, text) {
  return el("figure", { class: "raw" }, el("figcaption", {}, label), el("pre", { tabindex: "0" }, pretty(text)));
}

function folded(label, text) {
  return el("details", { class: "raw" }, el("summary", {}, label), el("pre", { tabindex: "0" }, text));
}

function pretty(text) {
  if (!text.startsWith("<xml>")) return text;
  return text
    .replace(/<xml>/, "<xml>\n  ")
    .replace(/(<\/[A-Za-z_0-9]+>)(?=<[A-Za-z])/g, "$1\n  ")
    .replace(/\s*<\/xml>$/, "\n</xml>");
}
