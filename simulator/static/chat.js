// Chat: one open conversation, its bar at the bottom and its profile.

import { bubble } from "./bubbles.js";
import { accountAvatar, el, icon, iconButton } from "./dom.js";
import { get, post } from "./server.js";
import { closeSheet, emojiSheet, imageSheet, linkSheet, noticeSheet, openSheet, placeSheet, resultSheet, scanSheet, voiceSheet } from "./sheets.js";

const root = () => document.getElementById("chat");
const TYPING = 15_000; // how long the indicator stands without a further sign
const AFTER_TAP = { pic_sysphoto: imageSheet, pic_photo_or_album: imageSheet, pic_weixin: imageSheet, location_select: placeSheet };

export class Chat {
  // hooks: {citizen(), back(), toast(text), shown(chat)}
  constructor(appid, hooks) {
    this.appid = appid;
    this.hooks = hooks;
    this.seq = 0;
    this.typing = false;
    this.keyboard = null; // null: decided by whether there is a menu
    this.last = null;
    this.facts = null;
  }

  get where() {
    return { citizen: this.hooks.citizen().id, appid: this.appid };
  }

  async open() {
    this.facts = await get("/phone/chat", this.where);
    this.draw();
    this.append(this.facts.entries);
    this.hooks.shown(this);
  }

  // News came: new bubbles, and whatever else may have changed around them.
  async refresh(entries) {
    const facts = await get("/phone/chat", this.where);
    const same = JSON.stringify([facts.menu, facts.account.following]) === JSON.stringify([this.facts.menu, this.facts.account.following]);
    this.facts = facts;
    if (!same) this.drawBar();
    this.drawTitle();
    this.append(entries);
    this.hooks.shown(this);
  }

  act = async (what) => {
    closeSheet();
    try {
      return await post("/phone/act", { ...this.where, ...what });
    } catch (error) {
      this.hooks.toast(error.message);
      return null;
    }
  };

  choose = (text, id) => this.act({ do: "choose", text, id });

  draw() {
    this.title = el("h1", {});
    this.log = el("div", { class: "messages", role: "log", "aria-live": "polite", "aria-label": "消息", tabindex: "0" });
    this.bar = el("footer", { class: "bar" });
    const header = el(
      "header",
      { class: "top" },
      iconButton("back", "返回", this.hooks.back),
      this.title,
      iconButton("person", "公众号资料", this.profile),
    );
    root().replaceChildren(header, this.log, this.bar);
    this.drawTitle();
    this.drawBar();
  }

  drawTitle() {
    this.title.textContent = this.facts.typing ? "对方正在输入…" : this.facts.account.name;
    clearTimeout(this.untyping);
    if (this.facts.typing) {
      this.untyping = setTimeout(() => (this.title.textContent = this.facts.account.name), TYPING);
    }
  }

  // What stands in a chat in which nothing was said yet.
  intro() {
    const { account } = this.facts;
    const kind = account.kind === "service" ? "服务号" : "订阅号";
    return el("div", { class: "intro" }, accountAvatar(account, "large"), el("b", {}, account.name), el("span", {}, `${kind} · ${account.verified ? "已认证" : "未认证"}`), el("span", {}, "关注后可以发消息、点菜单、收到回复。"));
  }

  append(entries) {
    if (!entries.length && !this.last) this.log.replaceChildren(this.intro());
    if (entries.length && !this.last) this.log.replaceChildren();
    const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 160;
    const context = { account: this.facts.account, citizen: this.hooks.citizen(), choose: this.choose, profile: this.profile };
    let moved = false;
    for (const entry of entries) {
      if (entry.seq <= this.seq) continue;
      this.log.append(...bubble(entry, this.last, context));
      this.seq = entry.seq;
      this.last = entry;
      moved = true;
    }
    if (moved && (near || this.last.side === "me")) this.toEnd();
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    for (const image of this.log.querySelectorAll("img")) {
      if (!image.complete) image.addEventListener("load", () => (this.log.scrollTop = this.log.scrollHeight), { once: true });
    }
  }

  drawBar() {
    this.bar.className = "bar";
    if (!this.facts.account.following) {
      const follow = el("button", { type: "button", class: "follow", on: { click: () => this.act({ do: "follow" }) } }, "关注公众号");
      this.bar.replaceChildren(follow);
      return;
    }
    const hasMenu = this.facts.menu.length > 0;
    const keyboard = this.keyboard ?? !hasMenu;
    this.bar.replaceChildren(keyboard || !hasMenu ? this.keyboardBar(hasMenu) : this.menuBar());
    this.toEnd();
  }

  toggle = () => {
    this.keyboard = !(this.keyboard ?? false);
    this.drawBar();
    this.bar.querySelector("textarea, .menu-top")?.focus();
  };

  menuBar() {
    const tops = this.facts.menu.map((top) => this.menuTop(top));
    return el("nav", { class: "menu-bar", "aria-label": "公众号菜单" }, iconButton("keyboard", "切换到键盘", this.toggle), ...tops);
  }

  menuTop(top) {
    const children = top.sub_button || [];
    if (!children.length) {
      return el("div", { class: "menu-cell" }, el("button", { type: "button", class: "menu-top", on: { click: () => this.tap(top) } }, top.name));
    }
    const items = children.map((child) => el("button", { type: "button", role: "menuitem", on: { click: () => this.tap(child) } }, child.name));
    const popup = el("div", { class: "popup", role: "menu", hidden: true }, ...items);
    const click = () => {
      const show = popup.hidden;
      this.closePopups();
      popup.hidden = !show;
      button.setAttribute("aria-expanded", String(show));
      if (show) items[0].focus({ preventScroll: true });
    };
    const button = el("button", { type: "button", class: "menu-top", "aria-haspopup": "menu", "aria-expanded": "false", on: { click } }, icon("menu"), top.name);
    const cell = el("div", { class: "menu-cell" }, button, popup);
    cell.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step) {
        const at = items.indexOf(document.activeElement);
        items[(at + step + items.length) % items.length].focus();
        event.preventDefault();
      } else if (event.key === "Escape" && !popup.hidden) {
        this.closePopups();
        button.focus();
      }
    });
    return cell;
  }

  closePopups() {
    for (const popup of this.bar.querySelectorAll(".popup")) popup.hidden = true;
    for (const top of this.bar.querySelectorAll("[aria-expanded]")) top.setAttribute("aria-expanded", "false");
  }

  tap = (button) => {
    this.closePopups();
    if (button.type === "view" || (button.type === "miniprogram" && button.url)) window.open(button.url, "_blank", "noopener");
    if (button.type.startsWith("scancode")) {
      resultSheet((result) => this.act({ do: "tap", button, result }));
      return;
    }
    this.act({ do: "tap", button });
    AFTER_TAP[button.type]?.(this.act);
  };

  keyboardBar(hasMenu) {
    const input = el("textarea", { rows: 1, "aria-label": "输入消息", enterkeyhint: "send", maxlength: 2000 });
    const send = el("button", { type: "submit", class: "send", hidden: true }, "发送");
    const more = iconButton("plus", "更多", () => this.togglePlus(), { "aria-expanded": "false" });
    const fit = () => {
      const full = input.value.trim() !== "";
      send.hidden = !full;
      more.hidden = full;
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight, 110)}px`;
    };
    const submit = (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text) return;
      input.value = "";
      fit();
      this.act({ do: "text", text }).then((sent) => sent || ((input.value ||= text), fit()));
    };
    input.addEventListener("input", fit);
    input.addEventListener("focus", () => this.togglePlus(false));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    });
    const insert = (emoji) => {
      closeSheet();
      input.setRangeText(emoji, input.selectionStart, input.selectionEnd, "end");
      fit();
      input.focus();
    };
    this.plus = this.plusPanel();
    this.moreButton = more;
    const line = el(
      "form",
      { class: "type-bar", on: { submit } },
      hasMenu ? iconButton("menu", "切换到菜单", this.toggle) : null,
      iconButton("voice", "语音", () => voiceSheet(this.act)),
      input,
      iconButton("smile", "表情", () => emojiSheet(insert)),
      more,
      send,
    );
    return el("div", { class: "keyboard" }, line, this.plus);
  }

  togglePlus(show = this.plus.hidden) {
    this.plus.hidden = !show;
    this.moreButton.setAttribute("aria-expanded", String(show));
    if (show) this.toEnd();
  }

  plusPanel() {
    const tools = [
      ["image", "图片", () => imageSheet(this.act)],
      ["pin", "位置", () => placeSheet(this.act)],
      ["voice", "语音", () => voiceSheet(this.act)],
      ["scan", "扫一扫", () => scanSheet(this.facts.codes, this.act)],
      ["link", "链接", () => linkSheet(this.act)],
      ["bell", "订阅通知", () => noticeSheet(this.facts.notices, this.act)],
    ];
    const tool = ([name, label, click]) => el("button", { type: "button", class: "tool", on: { click } }, el("span", { class: "tool-icon" }, icon(name)), label);
    return el("div", { class: "plus-panel", hidden: true }, tools.map(tool));
  }

  profile = () => {
    const { account, openid } = this.facts;
    const kind = account.kind === "service" ? "服务号" : "订阅号";
    const fact = (label, value) => [el("dt", {}, label), el("dd", {}, value)];
    const main = account.following
      ? el("button", { type: "button", class: "danger", on: { click: () => this.act({ do: "unfollow" }) } }, "不再关注")
      : el("button", { type: "button", class: "primary", on: { click: () => this.act({ do: "follow" }) } }, "关注公众号");
    openSheet(
      "公众号资料",
      el("div", { class: "profile" }, accountAvatar(account, "large"), el("div", {}, el("b", {}, account.name), el("span", { class: account.verified ? "verified" : "" }, `${kind} · ${account.verified ? "已认证" : "未认证"}`))),
      el("dl", { class: "facts" }, ...fact("原始 ID", account.original_id), ...fact("AppID", account.appid), ...fact("我的 openid", openid)),
      el("div", { class: "actions" }, el("button", { type: "button", class: "secondary", on: { click: () => scanSheet(this.facts.codes, this.act) } }, "扫描该号二维码"), main),
    );
  };
}
