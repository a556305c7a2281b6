// Buttons marked data-needs-selection wait until a row of their [data-grid] is chosen; data-needs-selection="one": exactly one.
// They stay usable without this file: the server then asks for a choice.
function update(grid) {
  const rows = [...grid.querySelectorAll("[data-row-select]:enabled")];
  const chosen = rows.filter((row) => row.checked).length;
  for (const button of grid.querySelectorAll("[data-needs-selection]")) {
    button.disabled = button.dataset.needsSelection === "one" ? chosen !== 1 : !chosen;
  }
  const all = grid.querySelector("[data-select-all]");
  if (!all) return;
  all.checked = rows.length > 0 && chosen === rows.length;
  all.indeterminate = chosen > 0 && chosen < rows.length;
}

function updateAll() {
  document.querySelectorAll("[data-grid]").forEach(update);
}

document.addEventListener("change", (event) => {
  const grid = event.target.closest("[data-grid]");
  if (!grid) return;
  if (event.target.matches("[data-select-all]")) {
    grid.querySelectorAll("[data-row-select]:enabled").forEach((row) => (row.checked = event.target.checked));
  }
  update(grid);
});

htmx.onLoad(updateAll);
// The back button restores ticks without any event.
addEventListener("pageshow", updateAll);
