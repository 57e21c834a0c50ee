// What every page of the console does: asks before an action, sends a form once, shows what failed.
"use strict";

const GENERIC_ERROR = "没有成功，请稍后再试。";
const NETWORK_ERROR = "网络不通，请检查后重试。";

function toast(text) {
  const box = document.createElement("div");
  box.className = "toast show";
  box.setAttribute("role", "alert");
  const body = document.createElement("div");
  body.className = "toast-body";
  body.textContent = text;
  box.append(body);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 8000);
}

// a form with data-confirm asks before it is sent; a form that was sent is not sent again
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  // data-allow-resubmit: the answer is a file, so the page stays and may be sent again
  if (form.hasAttribute("hx-post") || form.method !== "post" || "allowResubmit" in form.dataset) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
});

// a page restored from the back/forward cache may be sent again
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const text = copy.dataset.copy;
    navigator.clipboard.writeText(text).then(
      () => toast("已复制"),
      () => window.prompt("请手工复制：", text),
    );
  }
});

document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  // session.js shows the dialog
  if (answer.status === 401 || answer.getResponseHeader("HX-Redirect")) return;
  const isText = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  toast(isText && answer.responseText ? answer.responseText : GENERIC_ERROR);
});
document.addEventListener("htmx:sendError", (event) => {
  // a poll tries again by itself
  if (!event.detail.requestConfig.headers["X-Quiet"]) toast(NETWORK_ERROR);
});
