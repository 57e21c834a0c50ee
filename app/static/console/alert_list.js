// The list of alerts: selecting several, and no refresh under the hands of who is selecting.
"use strict";

const selectedBar = document.getElementById("selected");
const selectedBoxes = () => [...document.querySelectorAll("#alarms input[name=alert]:checked")];

function showSelected() {
  if (!selectedBar) return; // who may not resolve alerts selects none
  const count = selectedBoxes().length;
  selectedBar.hidden = count === 0;
  document.getElementById("selected-count").textContent = String(count);
}

document.addEventListener("change", (event) => {
  if (event.target.closest("#alarms")) showSelected();
});
document.addEventListener("click", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (!all) return;
  const boxes = [...document.querySelectorAll("#alarms input[name=alert]")];
  const isOn = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = isOn;
  showSelected();
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "alarms" && selectedBoxes().length) event.preventDefault();
});
showSelected();
