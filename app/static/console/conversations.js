// The thread of a talk: keeps its end in sight, fills in ready answers, sends by Ctrl+Enter.
"use strict";

const box = document.getElementById("scroll");
let wasAtEnd = true;

function toEnd() {
  box.scrollTop = box.scrollHeight;
}

document.addEventListener("DOMContentLoaded", () => {
  const here = box.querySelector(".line-here");
  if (here) here.scrollIntoView({ block: "center" });
  else toEnd();
});

// who reads further up must not be pulled down by a new message
document.addEventListener("htmx:beforeSwap", () => {
  wasAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "lines" && wasAtEnd) toEnd();
});

document.addEventListener("click", (event) => {
  const phrase = event.target.closest("[data-phrase]");
  if (!phrase) return;
  const words = document.querySelector("[data-answer]");
  words.setRangeText(phrase.dataset.phrase, words.selectionStart, words.selectionEnd, "end");
  words.focus();
});

document.addEventListener("keydown", (event) => {
  const words = event.target.closest("[data-answer]");
  if (words && event.key === "Enter" && (event.ctrlKey || event.metaKey)) words.form.requestSubmit();
});
