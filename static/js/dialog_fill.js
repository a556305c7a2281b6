// A choice in a dialog fills fields of the page below: form[data-fill] holds radios whose data-fill is {"field id": value}.
// Without this file the form is sent and the server fills them.
function fields(choice) {
  return Object.entries(JSON.parse(choice.dataset.fill)).map(([id, value]) => [document.getElementById(id), value]);
}

function fill([field, value]) {
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

// In the capture phase, before dialog.js would send the form.
document.addEventListener(
  "submit",
  (event) => {
    const dialog = event.target.closest("dialog");
    const choice = dialog && event.target.matches("[data-fill]") && event.target.querySelector("[data-fill]:checked");
    if (!choice || fields(choice).some(([field]) => !field)) return;
    event.preventDefault();
    fields(choice).forEach(fill);
    dialog.close();
  },
  true,
);
