// Names for what the stock admin's own scripts and icons leave nameless or name in English.
const texts = document.querySelector("script[data-admin-texts]").dataset;
const ICONS = { True: texts.yes, False: texts.no, None: texts.unknown };

function labelOf(control) {
  const field = control.closest(".form-row, td, fieldset");
  const label = control.labels?.[0] ?? field?.querySelector("legend, label");
  const header = control.closest("td") && control.closest("table").tHead?.rows[0].cells[control.closest("td").cellIndex];
  return (label ?? header)?.textContent.trim().replace(/[::]$/, "") ?? "";
}

/** select2 puts a box of its own beside the select, without the select's label; in it, what is chosen. */
function nameBoxes() {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const name = labelOf(select);
    for (const part of select.nextElementSibling.querySelectorAll("[role=combobox], [role=textbox]")) {
      part.setAttribute("aria-label", [name, select.selectedOptions[0]?.text].filter(Boolean).join(" "));
      part.removeAttribute("aria-labelledby");
    }
  }
}

function nameIcons() {
  for (const icon of document.querySelectorAll("img[alt]")) icon.alt = ICONS[icon.alt] ?? icon.alt;
}

function nameMoments() {
  for (const part of document.querySelectorAll(".datetime input")) {
    const what = part.matches(".vTimeField") ? texts.time : texts.date;
    part.setAttribute("aria-label", `${labelOf(part)} ${what}`.trim());
  }
}

/** A cell of an inline table has no label, only its column's heading. */
function nameCells() {
  for (const control of document.querySelectorAll(".tabular td :is(input:not([type=hidden]), select, textarea)")) {
    if (!control.labels.length && !control.ariaLabel) control.setAttribute("aria-label", labelOf(control));
  }
}

function nameAll() {
  nameBoxes();
  nameIcons();
  nameMoments();
  nameCells();
}

nameAll();
// The admin's own scripts make boxes later, and change what stands in them.
new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
