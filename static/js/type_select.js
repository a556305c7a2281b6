// 「成果分类」: [data-type-child] offers only the options whose data-parent is the value of [data-type-parent].
// A choice of the second sends the form, unless hx-* attributes on it already load the type's fields.
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

document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-type-select]");
  if (!box) return;
  if (event.target.matches("[data-type-parent]")) narrow(box);
  const loadsItself = event.target.matches("[hx-get], [hx-post]");
  if (event.target.matches("[data-type-child]") && event.target.value && !loadsItself) event.target.form.requestSubmit();
});

htmx.onLoad(() => document.querySelectorAll("[data-type-select]").forEach(narrow));
