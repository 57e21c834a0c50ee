// Nothing that was typed is lost when the session ends: typing keeps the session alive, and a form
// that was open for long is sent only after the server has confirmed who is signed in.
"use strict";

const CHECK_INTERVAL = 5 * 60 * 1000; // milliseconds
const dialog = document.getElementById("session-ended");
let lastContact = Date.now(); // when the server last answered for this page
let isEnded = false;

function showSessionEnded() {
  isEnded = true;
  if (!dialog.open) dialog.showModal();
}

// forms that were rendered for the old session get the CSRF token of the new one
function updateCsrfToken(token) {
  for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
}

// whether the same person is still signed in; otherwise shows the dialog
async function isStillSignedIn() {
  lastContact = Date.now();
  let info = null;
  try {
    const answer = await fetch(dialog.dataset.sessionUrl, { headers: { "HX-Request": "true" } });
    if (answer.ok) info = await answer.json();
    else if (answer.status !== 401) return true;
  } catch {
    return true; // no network: sending the form will show it
  }
  document.getElementById("session-ended-other").hidden = !info || info.staff === dialog.dataset.staff;
  if (!info || info.staff !== dialog.dataset.staff) {
    showSessionEnded();
    return false;
  }
  isEnded = false;
  if (dialog.open) dialog.close();
  updateCsrfToken(info.token);
  return true;
}

const mustCheckSession = () => isEnded || Date.now() - lastContact > CHECK_INTERVAL;

document.addEventListener("input", (event) => {
  if (event.target.closest("form") && Date.now() - lastContact > CHECK_INTERVAL) isStillSignedIn();
});

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post") || !mustCheckSession()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = event.submitter;
    isStillSignedIn().then((may) => may && form.requestSubmit(button));
  },
  true,
);

document.addEventListener("htmx:confirm", (event) => {
  if (event.detail.verb === "get" || !mustCheckSession()) return;
  event.preventDefault();
  isStillSignedIn().then((may) => may && event.detail.issueRequest());
});

// a page that polls notices it first; the dialog is shown once
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401 && !isEnded) showSessionEnded();
});

// back from the window where they signed in
document.addEventListener("visibilitychange", () => {
  if (isEnded && !document.hidden) isStillSignedIn();
});
