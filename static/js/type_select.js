// 「成果分类」: [data-type-child] offers only the options whose data-parent is the value of [data-type-parent].
const allOptions = new WeakMap();

function narrow(box) {
  const parent = box.querySelector("[data-type-parent]");
  const child = box.querySelector("[data-type-child]");
  if (!allOptions.has(child)) allOptions.set(child, [...child.options]);
  const chosen = child.value;
  const fitting = allOptions.get(child).filter((option) => !option.value || option.dataset.parent === parent.value);
  child.replaceChildren(...fitting);
  child.value = fitting.some((option) => option.value === chosen) ? chosen : "";
}

/** What was chosen before the scripts came, or is put back by the browser, loads its fields as any choice does. */
function catchUp(box) {
  const parent = box.querySelector("[data-type-parent]");
  const child = box.querySelector("[data-type-child]");
  const chosen = child.selectedOptions[0];
  if (!chosen.value || chosen.defaultSelected) return;
  parent.value = chosen.dataset.parent;
  narrow(box);
  htmx.trigger(child, "change");
}

document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-type-select]");
  if (box && event.target.matches("[data-type-parent]")) narrow(box);
});

htmx.onLoad((loaded) => {
  const boxes = document.querySelectorAll("[data-type-select]");
  if (loaded === document.body) boxes.forEach(catchUp);
  boxes.forEach(narrow);
});
