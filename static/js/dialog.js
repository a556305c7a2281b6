// Opens pages in dialogs: links and GET forms marked data-dialog, which are plain navigation without this file.
// The server sends only the dialog's content when it sees HX-Request; see docs/frontend.md.
const shell = document.getElementById("dialog-shell");
const OWN_REQUEST = "[hx-get], [hx-post]";

function topDialog() {
  return [...document.querySelectorAll("dialog[open]")].at(-1);
}

function createDialog(opener) {
  const dialog = shell.content.firstElementChild.cloneNode(true);
  const depth = document.querySelectorAll("dialog[open]").length;
  dialog.querySelector("[data-dialog-body]").id = depth ? `dialog-body-${depth + 1}` : "dialog-body";
  dialog.classList.toggle("dialog-wide", opener.dataset.dialog === "wide");
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus();
  });
  document.body.append(dialog);
  return dialog;
}

function load(dialog, verb, url, source) {
  const target = dialog.querySelector("[data-dialog-body]");
  if (dialog.getAttribute("aria-busy") === "true") return;
  if (verb === "GET") dialog.dataset.url = url.href;
  dialog.setAttribute("aria-busy", "true");
  htmx.ajax(verb, url.pathname + url.search, { source: source ?? target, target, swap: "innerHTML" });
}

function openDialog(url, opener) {
  const dialog = createDialog(opener);
  dialog.showModal();
  load(dialog, "GET", url);
}

/**
 * After new content: name the dialog, and put the focus where the person should go on. Not before htmx has settled it:
 * htmx gives the focus to [autofocus] then, out of the field in which somebody may be typing.
 */
function settle(dialog) {
  const heading = dialog.querySelector("h1, h2");
  dialog.setAttribute("aria-label", heading?.textContent.trim() ?? "");
  const start = dialog.querySelector(".is-invalid, [aria-invalid=true], [autofocus]") ?? heading;
  start?.focus();
}

function showFailure(dialog) {
  const failure = document.createElement("p");
  failure.className = "notice notice-error";
  failure.setAttribute("role", "alert");
  failure.textContent = document.getElementById("script-texts").dataset.requestFailed;
  dialog.querySelector(".notice-error[role=alert]")?.remove();
  dialog.querySelector(".dialog-body").prepend(failure);
}

/** A dialog that never got its content becomes the navigation it stands for. */
function giveUp(dialog) {
  if (dialog.querySelector(".dialog-loading")) location.assign(dialog.dataset.url);
  else showFailure(dialog);
}

function formTarget(form, submitter, base) {
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  return new URL(action || base, base);
}

function formVerb(form, submitter) {
  return (submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toUpperCase();
}

/** Runs with the pressed button among the form's fields, where neither htmx nor older browsers put it. */
function withPressed(form, submitter, action) {
  const pressed = document.createElement("input");
  pressed.type = "hidden";
  pressed.name = submitter?.name ?? "";
  pressed.value = submitter?.value ?? "";
  form.append(pressed);
  action();
  pressed.remove();
}

function send(form, url, verb, opener) {
  const dialog = form.closest("dialog");
  if (verb === "GET") url.search = new URLSearchParams(new FormData(form));
  if (!dialog) openDialog(url, opener);
  else if (verb === "GET") load(dialog, verb, url);
  else load(dialog, verb, url, form);
}

/** Listening in the capture phase, so that an hx-boost around the element does not act as well. */
function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

function onSubmit(event) {
  const { target: form, submitter } = event;
  const dialog = form.closest("dialog");
  const marked = submitter?.dataset.dialog !== undefined || form.dataset.dialog !== undefined;
  if (event.defaultPrevented || !(dialog || marked) || (submitter ?? form).dataset.dialog === "off") return;
  if (form.matches(OWN_REQUEST) || submitter?.matches(OWN_REQUEST)) return;
  const url = formTarget(form, submitter, dialog?.dataset.url ?? location.href);
  const verb = formVerb(form, submitter);
  if (!dialog && verb !== "GET") return;
  take(event);
  withPressed(form, submitter, () => send(form, url, verb, submitter ?? form));
}

function isPlainClick(event, link) {
  if (link.matches(OWN_REQUEST)) return false;
  const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  return !event.defaultPrevented && event.button === 0 && !modified && link.target !== "_blank";
}

function onClick(event) {
  const closer = event.target.closest("[data-dialog-close]");
  if (closer) closer.closest("dialog")?.close();
  const link = event.target.closest("a[href]");
  if (!link || !isPlainClick(event, link)) return;
  const dialog = link.closest("dialog");
  const url = new URL(link.getAttribute("href"), dialog?.dataset.url ?? location.href);
  const turnsPage = dialog && url.pathname === new URL(dialog.dataset.url).pathname;
  if (!turnsPage && link.dataset.dialog === undefined) return;
  take(event);
  if (turnsPage) load(dialog, "GET", url);
  else openDialog(url, link);
}

/** A view that redirected to a whole page: go there instead of squeezing it into the dialog. */
function onBeforeSwap(event) {
  const dialog = event.detail.target?.closest?.("dialog");
  if (!dialog || !/<html[\s>]/i.test(event.detail.xhr.responseText)) return;
  event.detail.shouldSwap = false;
  location.assign(event.detail.xhr.responseURL);
}

function whenInDialog(action) {
  return (event) => {
    const dialog = event.detail.target?.closest?.("dialog");
    if (dialog) action(dialog);
  };
}

if (shell && window.HTMLDialogElement?.prototype.showModal) {
  document.addEventListener("submit", onSubmit, true);
  document.addEventListener("click", onClick, true);
  document.addEventListener("dialog:close", (event) => (event.target.closest("dialog") ?? topDialog())?.close());
  document.addEventListener("htmx:beforeSwap", onBeforeSwap);
  document.addEventListener("htmx:afterSettle", whenInDialog(settle));
  document.addEventListener("htmx:afterRequest", whenInDialog((dialog) => dialog.removeAttribute("aria-busy")));
  document.addEventListener("htmx:responseError", whenInDialog(giveUp));
  document.addEventListener("htmx:sendError", whenInDialog(giveUp));
}
