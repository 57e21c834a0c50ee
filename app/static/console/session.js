// A session that ends takes nothing with it: typing keeps it alive, and a form that stood open for
// long leaves only when the server still knows its writer.
"use strict";

const PAUSE = 5 * 60 * 1000; // milliseconds
const ended = document.getElementById("ended");
let heard = Date.now(); // when the server last answered for this page
let isEnded = false;

function tellEnded() {
  isEnded = true;
  if (!ended.open) ended.showModal();
}

// forms that were drawn for the old session get the token of the new one
function renew(token) {
  for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
}

// whether the writer is still signed in; tells them when not
async function isHere() {
  heard = Date.now();
  let said = null;
  try {
    const answer = await fetch(ended.dataset.here, { headers: { "HX-Request": "true" } });
    if (answer.ok) said = await answer.json();
    else if (answer.status !== 401) return true;
  } catch {
    return true; // no network: the form's own way says so
  }
  document.getElementById("ended-other").hidden = !said || said.staff === ended.dataset.staff;
  if (!said || said.staff !== ended.dataset.staff) {
    tellEnded();
    return false;
  }
  isEnded = false;
  if (ended.open) ended.close();
  renew(said.token);
  return true;
}

const mustAsk = () => isEnded || Date.now() - heard > PAUSE;

document.addEventListener("input", (event) => {
  if (event.target.closest("form") && Date.now() - heard > PAUSE) isHere();
});

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post") || !mustAsk()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = event.submitter;
    isHere().then((may) => may && form.requestSubmit(button));
  },
  true,
);

document.addEventListener("htmx:confirm", (event) => {
  if (event.detail.verb === "get" || !mustAsk()) return;
  event.preventDefault();
  isHere().then((may) => may && event.detail.issueRequest());
});

// a page that looks for news learns of it first; it says so once
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401 && !isEnded) tellEnded();
});

// back from the window where they signed in
document.addEventListener("visibilitychange", () => {
  if (isEnded && !document.hidden) isHere();
});
