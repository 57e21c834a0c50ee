// The menu editor: redraws the preview while somebody types, shows the fields that a kind needs, and
// moves the focus to the right field after a button was added, moved or removed.
"use strict";

const text = (box, name) => box.querySelector(`:scope input[name^="${name}-"]`)?.value.trim() ?? "";

function createElement(tag, classes, content) {
  const node = document.createElement(tag);
  node.className = classes;
  node.textContent = content;
  return node;
}

function drawPreview() {
  const bar = document.querySelector("[data-preview]");
  const labels = [];
  const tops = [...document.querySelectorAll("#editor [data-top]")].map((top) => {
    const box = createElement("div", "menu-phone-top", "");
    const name = text(top, "name");
    const subs = [...top.querySelectorAll("[data-sub]")].map((sub) => text(sub, "name"));
    if (subs.length) {
      const list = createElement("ul", "menu-phone-list", "");
      list.append(...subs.map((sub) => createElement("li", "", sub || "　")));
      box.append(list);
    }
    box.append(createElement("span", `menu-phone-name${subs.length ? " has-list" : ""}`, name || "　"));
    labels.push(subs.length ? `${name}（${subs.join("、")}）` : name);
    return box;
  });
  bar.replaceChildren(...tops);
  bar.closest(".menu-phone").setAttribute("aria-label", `手机预览：${labels.join("，")}`);
}

function updateFields(select) {
  const action = select.closest("[data-action]");
  action.querySelector("label[data-label]").textContent = select.selectedOptions[0].dataset.label;
  for (const box of action.querySelectorAll("[data-mini]")) box.hidden = select.value !== "mini_program";
  action.querySelector(".menu-value .form-hint").textContent = "";
}

function focusAfterAction(act) {
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
  if (event.target.closest("#editor")) drawPreview();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-kind]")) updateFields(event.target);
});
document.addEventListener("htmx:afterSwap", (event) => {
  const pressed = event.detail.requestConfig?.elt;
  if (pressed?.name !== "act") return;
  drawPreview();
  focusAfterAction(pressed.value);
});
