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

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-clear-entry]")) return;
  event.preventDefault();
  entryField().value = "";
  entryField().dispatchEvent(new Event("change", { bubbles: true }));
  document.getElementById(FILLED[0]).focus();
});

htmx.onLoad(update);
