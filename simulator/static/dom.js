// Small pieces for building the page. Text always goes in as text, never as HTML.

const PATHS = {
  back: "M15 4 7 12l8 8",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5a7.5 7.5 0 0 1 15 0",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 4.5 4.5",
  keyboard: "M3 6.5h18v11H3zM6.5 10h.01M10 10h.01M13.5 10h.01M17 10h.01M7.5 14h9",
  menu: "M5 7h14M5 12h14M5 17h14",
  voice: "M9 4.5v15M5 9v6M13 7.5v9M17 10v4",
  plus: "M12 5v14M5 12h14",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9h.01",
  pin: "M12 21s7-6.2 7-11a7 7 0 1 0-14 0c0 4.8 7 11 7 11Zm0-8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  scan: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M4 12h16",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 1 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 1 0 5.7 5.7l1-1",
  bell: "M6 16V11a6 6 0 1 1 12 0v5l1.5 2h-15L6 16Zm4 4h4",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm-3.5-6.5a4.5 4.5 0 0 0 7 0M9 10h.01M15 10h.01",
  close: "M6 6l12 12M18 6 6 18",
  swap: "M4 9h14l-4-4M20 15H6l4 4",
  play: "M8 5v14l11-7z",
  music: "M9 18V6l10-2v12M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0Zm10-2a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
  check: "M5 12.5 10 17.5 19 7",
};

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [kind, listen] of Object.entries(value)) node.addEventListener(kind, listen);
    else if (name === "class") node.className = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, click, props = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click }, ...props }, icon(name));
}

const TONES = 8;

export function tone(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return `tone-${sum % TONES}`;
}

export function accountAvatar(account, size = "") {
  const short = account.name.replace(/[（(].*$/, "").replace("华阴", "") || account.name;
  return el("span", { class: `avatar ${size} ${tone(account.appid)}`, "aria-hidden": "true" }, [...short].slice(0, 2).join(""));
}

export function citizenAvatar(citizen, size = "") {
  return el("span", { class: `avatar person ${size} ${tone(citizen.id + "citizen")}`, "aria-hidden": "true" }, [...citizen.name].at(-1));
}

export function shortTime(seconds) {
  const when = new Date(seconds * 1000);
  const today = new Date();
  const clock = `${when.getHours()}:${String(when.getMinutes()).padStart(2, "0")}`;
  if (when.toDateString() === today.toDateString()) return clock;
  return `${when.getMonth() + 1}月${when.getDate()}日 ${clock}`;
}
