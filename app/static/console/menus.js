// The menu editor: draws the phone while somebody types, shows the fields a kind needs, and puts
// the cursor where the work goes on after a button was added, moved or removed.
"use strict";

const text = (box, name) => box.querySelector(`:scope input[name^="${name}-"]`)?.value.trim() ?? "";

function made(tag, classes, words) {
  const node = document.createElement(tag);
  node.className = classes;
  node.textContent = words;
  return node;
}

function draw() {
  const bar = document.querySelector("[data-preview]");
  const said = [];
  const tops = [...document.querySelectorAll("#editor [data-top]")].map((top) => {
    const box = made("div", "menu-phone-top", "");
    const name = text(top, "name");
    const subs = [...top.querySelectorAll("[data-sub]")].map((sub) => text(sub, "name"));
    if (subs.length) {
      const list = made("ul", "menu-phone-list", "");
      list.append(...subs.map((sub) => made("li", "", sub || "　")));
      box.append(list);
    }
    box.append(made("span", `menu-phone-name${subs.length ? " has-list" : ""}`, name || "　"));
    said.push(subs.length ? `${name}（${subs.join("、")}）` : name);
    return box;
  });
  bar.replaceChildren(...tops);
  bar.closest(".menu-phone").setAttribute("aria-label", `手机预览：${said.join("，")}`);
}

function fit(select) {
  const deed = select.closest("[data-deed]");
  deed.querySelector("label[data-label]").textContent = select.selectedOptions[0].dataset.label;
  for (const box of deed.querySelectorAll("[data-mini]")) box.hidden = select.value !== "mini_program";
  deed.querySelector(".menu-value .form-hint").textContent = "";
}

function goOn(act) {
  const [verb, place = ""] = act.split(":");
  const numbers = place ? place.split("-").map(Number) : [];
  if (verb === "up") numbers[numbers.length - 1] -= 1;
  if (verb === "down") numbers[numbers.length - 1] += 1;
  let next = document.getElementById(`name-${numbers.join("-")}`);
  if (verb === "add") {
    const group = document.querySelectorAll("#editor [data-top]");
    const names = (numbers.length ? group[numbers[0]] : group[group.length - 1]).querySelectorAll('input[name^="name-"]');
    next = names[names.length - 1];
  }
  (next ?? document.querySelector("#editor input, #add"))?.focus();
}

document.addEventListener("input", (event) => {
  if (event.target.closest("#editor")) draw();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-kind]")) fit(event.target);
});
document.addEventListener("htmx:afterSwap", (event) => {
  const pressed = event.detail.requestConfig?.elt;
  if (pressed?.name !== "act") return;
  draw();
  goOn(pressed.value);
});
