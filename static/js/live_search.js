// form[data-live-search] sends itself while one types, and ArrowDown leads from its boxes to what was found.
// An input method's unfinished letters are not a search. Without this file 「查询」 sends the form.
const PAUSE = 300; // milliseconds
const timers = new WeakMap();

function sendSoon(form) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => form.isConnected && form.requestSubmit(), PAUSE));
}

function liveForm(event) {
  return event.target.closest?.("form[data-live-search]");
}

document.addEventListener("input", (event) => {
  const form = liveForm(event);
  if (form && !event.isComposing) sendSoon(form);
});

document.addEventListener("compositionend", (event) => {
  const form = liveForm(event);
  if (form) sendSoon(form);
});

// Pressing Enter or 「查询」 must not be followed by the same search once more.
document.addEventListener("submit", (event) => clearTimeout(timers.get(event.target)), true);

document.addEventListener("keydown", (event) => {
  const form = liveForm(event);
  if (!form || event.key !== "ArrowDown" || event.isComposing || !event.target.matches("input")) return;
  const results = document.querySelector(form.getAttribute("hx-target"));
  const first = results?.querySelector("tbody :is(input:enabled, .actions a)") ?? results?.querySelector("tbody a");
  if (!first) return;
  event.preventDefault();
  first.focus();
});

/** Outside dialogs, which tell it themselves: a search that failed becomes the navigation it stands for. */
function navigateInstead(event) {
  const form = event.detail.elt;
  if (form.matches?.("form[data-live-search]") && !form.closest("dialog")) form.submit();
}

document.addEventListener("htmx:responseError", navigateInstead);
document.addEventListener("htmx:sendError", navigateInstead);
