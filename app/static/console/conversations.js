// The thread of a conversation: keeps its end in sight, fills in canned responses, sends by Ctrl+Enter.
"use strict";

const scrollBox = document.getElementById("scroll");
let wasAtEnd = true;

function scrollToEnd() {
  scrollBox.scrollTop = scrollBox.scrollHeight;
}

document.addEventListener("DOMContentLoaded", () => {
  const highlighted = scrollBox.querySelector(".message-highlighted");
  if (highlighted) highlighted.scrollIntoView({ block: "center" });
  else scrollToEnd();
});

// who reads further up must not be pulled down by a new message
document.addEventListener("htmx:beforeSwap", () => {
  wasAtEnd = scrollBox.scrollHeight - scrollBox.scrollTop - scrollBox.clientHeight < 60;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "messages" && wasAtEnd) scrollToEnd();
});

document.addEventListener("click", (event) => {
  const response = event.target.closest("[data-canned-response]");
  if (!response) return;
  const textarea = document.querySelector("[data-answer]");
  textarea.setRangeText(response.dataset.cannedResponse, textarea.selectionStart, textarea.selectionEnd, "end");
  textarea.focus();
});

document.addEventListener("keydown", (event) => {
  const textarea = event.target.closest("[data-answer]");
  if (textarea && event.key === "Enter" && (event.ctrlKey || event.metaKey)) textarea.form.requestSubmit();
});
