// The phone: the list of accounts, the open chat, and the loop that waits for news.

import { preview } from "./bubbles.js";
import { Chat } from "./chat.js";
import { Desk } from "./desk.js";
import { accountAvatar, citizenAvatar, el, icon, shortTime } from "./dom.js";
import { get, post } from "./server.js";
import { citizenSheet, closeSheet } from "./sheets.js";

const $ = (id) => document.getElementById(id);
const state = { citizens: [], citizen: null, accounts: [], beat: 0, chat: null, search: "" };
const desk = new Desk($("panel"), () => state);
let waiting = null;

function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.hidden = true), 2600);
}

const seenKey = (appid) => `seen/${state.citizen.id}/${appid}`;
const remembered = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
const remember = (key, value) => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the unread marks do not outlive the page; nothing else depends on it.
  }
};

let chosen = remembered("citizen") || "";

async function loadList(citizen = chosen) {
  chosen = citizen;
  const start = await get("/phone/start", citizen ? { citizen } : {}).catch((error) => {
    if (!citizen) throw error;
    return get("/phone/start"); // the simulator forgot whom this browser played last
  });
  if (chosen !== citizen) return; // somebody else was chosen meanwhile
  chosen = start.citizen;
  state.citizens = start.citizens;
  state.citizen = start.citizens.find((one) => one.id === start.citizen);
  state.accounts = start.accounts;
  state.beat = Math.max(state.beat, start.beat);
  remember("citizen", state.citizen.id);
  drawRows();
}

function drawList() {
  const input = el("input", { type: "search", placeholder: "搜索", "aria-label": "搜索公众号", autocomplete: "off", value: state.search });
  input.addEventListener("input", () => {
    state.search = input.value;
    drawRows();
  });
  $("list").replaceChildren(
    el(
      "header",
      { class: "top" },
      el("span", { class: "top-gap" }),
      el("h1", {}, "公众号"),
      el("button", { type: "button", class: "who", id: "who", on: { click: switchCitizen } }),
    ),
    el("label", { class: "search" }, icon("search"), input),
    el("div", { class: "accounts", id: "accounts" }),
  );
}

function drawRows() {
  $("who").replaceChildren(citizenAvatar(state.citizen, "small"), el("span", {}, state.citizen.name));
  $("who").setAttribute("aria-label", `切换市民，当前${state.citizen.name}`);
  const text = state.search.trim().toLowerCase();
  const fits = (one) => !text || `${one.name} ${one.department} ${one.appid}`.toLowerCase().includes(text);
  const found = state.accounts.filter(fits);
  const recent = found.filter((one) => one.last).sort((a, b) => b.last.seq - a.last.seq);
  const others = found.filter((one) => !one.last);
  const rows = [...recent.map(row)];
  if (others.length) rows.push(el("h2", { class: "group" }, recent.length ? "更多公众号" : "全部公众号"), ...others.map(row));
  if (!found.length) rows.push(el("p", { class: "empty" }, state.accounts.length ? "没有找到公众号" : "还没有公众号。请检查 SIMULATOR_ACCOUNTS 指向的文件。"));
  $("accounts").replaceChildren(...rows);
}

function row(account) {
  const { last } = account;
  const unread = last && last.side === "them" && last.seq > Number(remembered(seenKey(account.appid)) || 0);
  const kind = account.kind === "service" ? "服务号" : "订阅号";
  return el(
    "button",
    { type: "button", class: "account", "data-appid": account.appid, on: { click: () => openChat(account.appid) } },
    el("span", { class: unread ? "with-badge unread" : "with-badge" }, accountAvatar(account)),
    el(
      "span",
      { class: "account-words" },
      el("span", { class: "account-name" }, el("b", {}, account.name), last ? el("time", {}, shortTime(last.at)) : null),
      el("span", { class: "account-line" }, last ? preview(last) : `${kind}${account.verified ? " · 已认证" : ""}`),
    ),
    account.following ? null : el("span", { class: "stranger" }, "未关注"),
  );
}

function show(name) {
  for (const view of ["list", "chat"]) $(view).hidden = view !== name;
}

async function openChat(appid) {
  const chat = new Chat(appid, { citizen: () => state.citizen, back, toast, shown: (one) => remember(seenKey(one.appid), one.seq) });
  try {
    await chat.open();
  } catch (error) {
    toast(error.message);
    closeChat();
    return;
  }
  state.chat = chat;
  if (location.hash !== `#${appid}`) history.pushState({ fromList: true }, "", `#${appid}`);
  show("chat");
  chat.toEnd();
  waiting?.abort();
  desk.refresh();
}

// A chat that was opened by its address has no list behind it in the browser's history.
function back() {
  if (history.state?.fromList) {
    history.back();
    return;
  }
  history.replaceState(null, "", "/");
  closeChat();
}

function closeChat() {
  state.chat = null;
  show("list");
  loadList().catch((error) => toast(error.message));
  desk.refresh();
}

window.addEventListener("popstate", () => {
  closeSheet();
  const appid = location.hash.slice(1);
  if (appid) openChat(appid);
  else closeChat();
});
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && state.chat && !event.target.closest(".menu-cell")) back();
});

function switchCitizen() {
  const choose = async (id) => {
    closeSheet();
    await loadList(id);
    waiting?.abort();
  };
  const add = async (name) => {
    try {
      await choose((await post("/simulator/citizens", { name })).id);
    } catch (error) {
      toast(error.message);
    }
  };
  citizenSheet(state.citizens, state.citizen.id, choose, add);
}

async function listen() {
  for (;;) {
    waiting = new AbortController();
    const chat = state.chat;
    const query = { citizen: state.citizen.id, appid: chat?.appid ?? "", beat: state.beat, seq: chat?.seq ?? 0 };
    try {
      const news = await get("/phone/changes", query, waiting.signal);
      if (news.beat <= state.beat || chat !== state.chat) continue; // asks again for what is open now
      state.beat = news.beat;
      if (chat) await chat.refresh(news.entries);
      else await loadList();
      desk.refresh();
    } catch (error) {
      if (!waiting.signal.aborted) await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

function tick() {
  const now = new Date();
  $("clock").textContent = `${now.getHours()}:${String(now.getMinutes()).padStart(2, "0")}`;
}

drawList();
tick();
setInterval(tick, 10_000);
try {
  await loadList();
  if (location.hash.length > 1) await openChat(location.hash.slice(1));
  desk.start();
  listen();
} catch (error) {
  toast(error.message);
}
