// The editor of a rule: rows that come and go, fields that belong to a type, news while typing.
"use strict";

const editor = document.getElementById("rule-form");

function rows(name) {
  return [...editor.querySelectorAll(`[data-rows="${name}"] > [data-row]`)];
}

function notifyEdited() {
  document.body.dispatchEvent(new Event("rule-edited"));
}

function addRow(name) {
  const box = editor.querySelector(`[data-rows="${name}"]`);
  const numbers = [...box.querySelectorAll("[name]")].map((field) => Number(field.name.split("-")[1]));
  const next = Math.max(-1, ...numbers) + 1;
  const holder = document.createElement("div");
  holder.innerHTML = document.getElementById(`new-${name}`).innerHTML.replaceAll("__i__", next);
  const row = holder.firstElementChild;
  box.append(row);
  updateVisibility();
  row.querySelector("input, textarea, select.reply-type").focus();
  return row;
}

function removeRow(row) {
  const box = row.parentElement;
  const before = row.previousElementSibling || row.nextElementSibling;
  if (before === null) {
    for (const field of row.querySelectorAll("input, textarea")) field.value = "";
    row.querySelector("input, textarea").focus();
  } else {
    row.remove();
    before.querySelector("input, textarea, select").focus();
  }
  updateVisibility();
  notifyEdited();
  return box;
}

// shows of each reply what its type has, and what only many replies need
function updateVisibility() {
  for (const row of rows("replies")) {
    const type = row.querySelector("[data-type]").value;
    for (const part of row.querySelectorAll("[data-for]")) {
      part.hidden = !part.dataset.for.split(" ").includes(type);
    }
  }
  const replyCount = rows("replies").length;
  editor.querySelector("[data-many]").hidden = replyCount < 2;
  const maxReplies = Number(editor.querySelector('[data-rows="replies"]').dataset.max);
  editor.querySelector('[data-add="replies"]').hidden = replyCount >= maxReplies;
  editor.querySelector("[data-scope]").hidden = editor.elements.owner.value.startsWith("a");
}

editor.addEventListener("click", (event) => {
  const adding = event.target.closest("[data-add]");
  if (adding) addRow(adding.dataset.add);
  const removing = event.target.closest("[data-remove]");
  if (removing) removeRow(removing.closest("[data-row]"));
});

// Enter in a keyword goes on to the next one instead of handing the form in
editor.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
  event.preventDefault();
  const row = event.target.closest('[data-rows="keywords"] > [data-row]');
  if (row && event.target.value.trim()) {
    (row.nextElementSibling || addRow("keywords")).querySelector("input").focus();
  }
});

// several words pasted at once become several rows
editor.addEventListener("paste", (event) => {
  const row = event.target.closest('[data-rows="keywords"] > [data-row]');
  if (!row || event.target.tagName !== "INPUT") return;
  const mode = row.querySelector("select").value;
  const words = event.clipboardData.getData("text").split(/[\r\n\t、，,；;]+/).map((word) => word.trim());
  const found = words.filter(Boolean);
  if (found.length < 2 || mode === "text.pattern") return;
  event.preventDefault();
  event.target.value = found.shift();
  for (const word of found) addRow("keywords").querySelector("input").value = word;
  notifyEdited();
});

for (const name of ["input", "change"]) {
  editor.addEventListener(name, () => {
    updateVisibility();
    notifyEdited();
  });
}
const phrase = document.getElementById("phrase");
phrase.addEventListener("input", notifyEdited);
phrase.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
updateVisibility();
