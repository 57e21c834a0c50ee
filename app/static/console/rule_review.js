// The review page: a decision that waits for the sample check is sent as soon as its report is here.
"use strict";

document.addEventListener("htmx:load", () => {
  const form = document.getElementById("decision");
  if (form === null || !("resubmit" in form.dataset) || !form.elements.report) return;
  delete form.dataset.resubmit;
  form.requestSubmit();
});
