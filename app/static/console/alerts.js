// Tells of new alerts on every page: counter, title, toast, sound, and a notification of the system
// for who has agreed to it.
"use strict";

const alertWatch = document.getElementById("alert-watch");
const PAGE_TITLE = document.title;
const MUTED = "alerts.muted"; // of this browser, since it depends on the room it stands in
const DESKTOP = "alerts.desktop";
const MAX_TOASTS = 3;
const TOAST_SECONDS = 12;
const URGENT_TOAST_SECONDS = 120;
// an alert of a transaction that took long may arrive after a later one
const LATE_SECONDS = 60;
const MAX_REMEMBERED = 200;

const isMuted = () => localStorage.getItem(MUTED) === "1";

// ---- what was told already, also on the page before ----

const toldKey = `alerts.told.${alertWatch?.dataset.staff}`;
let told = JSON.parse(localStorage.getItem(toldKey) ?? "null"); // {at, keys}; null: nothing yet

function newAmong(alerts) {
  const isFirst = told === null;
  told ??= { at: 0, keys: [] };
  const fresh = alerts.filter((each) => !told.keys.includes(each.key) && each.at > told.at - LATE_SECONDS);
  told = {
    at: Math.max(told.at, ...alerts.map((each) => each.at)),
    keys: [...told.keys, ...fresh.map((each) => each.key)].slice(-MAX_REMEMBERED),
  };
  localStorage.setItem(toldKey, JSON.stringify(told));
  // who signs in for the first time is not told of what has been there for long
  return isFirst ? [] : fresh;
}

// ---- telling ----

function showCount(count, urgent) {
  for (const badge of document.querySelectorAll("[data-alert-count]")) {
    badge.textContent = count > 99 ? "99+" : String(count);
    badge.hidden = count === 0;
    badge.classList.toggle("bg-red", urgent > 0);
    badge.classList.toggle("bg-orange", urgent === 0);
  }
  document.title = count ? `(${count}) ${PAGE_TITLE}` : PAGE_TITLE;
}

function showToast(alert, note) {
  const box = document.createElement("div");
  box.className = `toast show alert-toast${alert.urgent ? " alert-toast-urgent" : ""}`;
  box.setAttribute("role", "alert");
  const body = document.createElement("div");
  body.className = "toast-body";
  const link = document.createElement("a");
  link.href = alert.url;
  link.textContent = `${alert.urgent ? "紧急：" : ""}${alert.message}`;
  body.append(link);
  for (const line of [alert.quote && `“${alert.quote}”`, note]) {
    if (!line) continue;
    const text = document.createElement("div");
    text.className = "text-secondary";
    text.textContent = line;
    body.append(text);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.setAttribute("aria-label", "关闭");
  close.addEventListener("click", () => box.remove());
  box.append(body, close);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 1000 * (alert.urgent ? URGENT_TOAST_SECONDS : TOAST_SECONDS));
}

let audio = null;

// browsers let a page sound only after somebody has clicked on it
const maySound = () => navigator.userActivation?.hasBeenActive ?? true;

function ring(isUrgent) {
  if (!maySound() || typeof AudioContext === "undefined") return;
  audio ??= new AudioContext();
  audio.resume();
  const tones = isUrgent ? [880, 660, 880, 660, 880, 660] : [660];
  tones.forEach((frequency, number) => {
    const start = audio.currentTime + number * 0.25;
    const oscillator = audio.createOscillator();
    const volume = audio.createGain();
    oscillator.frequency.value = frequency;
    // rises and falls within hundredths of a second: a tone that is cut off clicks
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(isUrgent ? 0.5 : 0.2, start + 0.02);
    volume.gain.linearRampToValueAtTime(0, start + 0.22);
    oscillator.connect(volume).connect(audio.destination);
    oscillator.start(start);
    oscillator.stop(start + 0.23);
  });
}

const maySendDesktop = () =>
  typeof Notification !== "undefined" &&
  Notification.permission === "granted" &&
  localStorage.getItem(DESKTOP) === "1";

function showDesktop(alert) {
  if (!maySendDesktop() || (!document.hidden && document.hasFocus())) return;
  try {
    const shown = new Notification(`${alert.urgent ? "紧急提醒：" : "提醒："}${alert.message}`, {
      body: alert.quote,
      tag: alert.key, // the same alert of another window replaces this one
      requireInteraction: alert.urgent,
    });
    shown.onclick = () => {
      window.focus();
      location.assign(alert.url);
    };
  } catch {
    // Chrome on phones has the class and refuses to make one
  }
}

function tell(fresh, isLeader) {
  const note = !isMuted() && !maySound() ? "点一下页面任意处，以后的提醒才会响铃。" : "";
  if (!document.hidden) {
    fresh.slice(0, MAX_TOASTS).forEach((alert, number) => showToast(alert, number === 0 ? note : ""));
    if (fresh.length > MAX_TOASTS) toast(`还有 ${fresh.length - MAX_TOASTS} 条新提醒`);
  }
  if (!isLeader) return;
  if (!isMuted()) ring(fresh.some((each) => each.urgent));
  fresh.slice(0, MAX_TOASTS).forEach(showDesktop);
}

// ---- listening ----

let isStopped = false;

function receive({ isConnected, isSignedOut, changed, isLeader }) {
  const wasStopped = isStopped;
  isStopped = isSignedOut || !isConnected;
  if (isStopped !== wasStopped) {
    const state = document.getElementById("alert-state");
    state.hidden = !isStopped;
    state.textContent = isSignedOut ? "登录已过期，本页收不到新提醒" : "连接中断，本页收不到新提醒";
  }
  if (!changed) return;
  showCount(changed.count, changed.urgent);
  const fresh = newAmong(changed.alerts);
  if (fresh.length) tell(fresh, isLeader);
  document.body.dispatchEvent(new Event("alerts-changed"));
}

function listen() {
  const address = alertWatch.dataset.url;
  if (typeof SharedWorker === "undefined") {
    pollAlerts(address, (news) => receive({ ...news, isLeader: true }));
    return;
  }
  const { port } = new SharedWorker(alertWatch.dataset.worker);
  port.onmessage = ({ data }) => receive(data);
  const say = () => port.postMessage({ address, isVisible: !document.hidden });
  say();
  document.addEventListener("visibilitychange", say);
  window.addEventListener("pageshow", say);
  window.addEventListener("pagehide", () => port.postMessage({ isClosed: true }));
}

// ---- the switches of this browser ----

function showSwitches() {
  for (const button of document.querySelectorAll("[data-alert-sound]")) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(!isMuted()));
    button.querySelector("[data-alert-sound-text]").textContent = isMuted() ? "提醒声音：关" : "提醒声音：开";
  }
  const consent = document.querySelector("[data-alert-desktop]");
  if (!consent) return;
  const permission = typeof Notification === "undefined" ? "missing" : Notification.permission;
  consent.hidden = permission === "missing" || permission === "denied";
  consent.textContent = maySendDesktop() ? "关闭桌面通知" : "开启桌面通知";
  document.querySelector("[data-alert-desktop-state]").textContent = {
    missing: "这个浏览器不支持桌面通知。",
    denied: "浏览器禁止了本网站的通知，请在浏览器的网站设置里改为允许。",
  }[permission] ?? (maySendDesktop() ? "已开启：离开本系统的页面时，新提醒会弹出在桌面上。" : "未开启。");
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-alert-sound]")) {
    localStorage.setItem(MUTED, isMuted() ? "0" : "1");
    if (!isMuted()) ring(false);
    showSwitches();
  }
  if (event.target.closest("[data-alert-sound-test]")) ring(true);
  if (event.target.closest("[data-alert-desktop]")) {
    const isOn = maySendDesktop();
    if (!isOn) await Notification.requestPermission();
    localStorage.setItem(DESKTOP, isOn ? "0" : "1");
    showSwitches();
  }
});
// switched in another window
window.addEventListener("storage", showSwitches);

if (alertWatch) {
  // as the page was rendered, until the server is asked for the first time
  showCount(Number(alertWatch.dataset.count), Number(alertWatch.dataset.urgent));
  showSwitches();
  listen();
}
