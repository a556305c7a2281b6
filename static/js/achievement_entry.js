// 成果添加: 「搜索」 opens 成果选择 as a dialog; a chosen catalogue entry locks the fields that it fills until it is cleared.
const FILLED = ["id_name", "id_body_name", "id_body_code"];
const entryField = () => document.getElementById("id_entry");

function update() {
  const entry = entryField();
  if (!entry) return;
  document.querySelector("[data-entry-search]").hidden = false;
  document.getElementById("entry-chosen").hidden = !entry.value;
  FILLED.forEach((id) => (document.getElementById(id).readOnly = Boolean(entry.value)));
}

document.addEventListener("change", (event) => event.target === entryField() && update());

function typeInstead() {
  document.getElementById(FILLED[0]).focus();
}

// In the page, or in 成果选择: the dialog gives the focus back where it was opened from, and only then it moves on.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clear-entry]");
  const entry = entryField();
  if (!button || !entry) return;
  event.preventDefault();
  if (entry.value) {
    entry.value = "";
    entry.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const dialog = button.closest("dialog");
  if (dialog) dialog.addEventListener("close", typeInstead);
  else typeInstead();
});

htmx.onLoad(update);
