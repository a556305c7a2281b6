// Shows what was chosen in input[type=file][data-upload] and refuses, before sending, what the server would refuse:
// size (data-max-mb), extension (accept) and number (data-max-files). With data-upload-url each file is sent by itself,
// with a progress bar, as part of its form's draft; the answer replaces #draft-files.
const texts = document.getElementById("script-texts").dataset;
const DRAFT_FILES = "draft-files";

function sizeOf(file) {
  return file.size < 1024 * 1024 ? `${Math.ceil(file.size / 1024)} KB` : `${(file.size / 1024 / 1024).toFixed(1)} MB`;
}

function extensions(input) {
  return input.accept.split(",").map((part) => part.trim().toLowerCase()).filter((part) => part.startsWith("."));
}

function faultOf(file, input) {
  const allowed = extensions(input);
  const name = file.name.toLowerCase();
  if (allowed.length && !allowed.some((end) => name.endsWith(end))) return texts.wrongType.replace("%s", allowed.join(" "));
  const limit = Number(input.dataset.maxMb || 10);
  return file.size > limit * 1024 * 1024 ? texts.tooLarge.replace("%s", limit) : "";
}

function refuse(item, fault) {
  const reason = document.createElement("strong");
  reason.textContent = fault;
  item.className = "upload-refused";
  item.querySelector("progress")?.remove();
  item.append(reason);
}

function row(file, fault) {
  const item = document.createElement("li");
  item.append(`${file.name} ${sizeOf(file)}`);
  if (fault) refuse(item, fault);
  return item;
}

function listFor(input) {
  const existing = input.nextElementSibling;
  if (existing?.matches(".upload-list")) return existing;
  const list = document.createElement("ul");
  list.className = "upload-list";
  list.setAttribute("aria-live", "polite");
  input.after(list);
  return list;
}

function countFault(input) {
  const most = Number(input.dataset.maxFiles || 10);
  return input.files.length > most ? texts.tooMany.replace("%s", most) : "";
}

/** The form as its draft keeps it, without chosen files, plus one file. */
function draftOf(form, file) {
  const data = new FormData(form);
  data.delete("files");
  data.set("action", "autosave");
  if (file) data.set("files", file);
  return data;
}

function post(form, url, file, bar) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => event.total && (bar.value = event.loaded / event.total));
    request.addEventListener("loadend", () => resolve(request));
    request.open("POST", url);
    request.setRequestHeader("X-Draft", "1");
    request.send(draftOf(form, file));
  });
}

async function send(input, file, item) {
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  item.append(bar);
  const answer = await post(input.form, input.dataset.uploadUrl, file, bar);
  if (answer.status === 200 && answer.responseText.includes(DRAFT_FILES)) {
    item.remove();
    htmx.swap(`#${DRAFT_FILES}`, answer.responseText, { swapStyle: "outerHTML" });
    input.dispatchEvent(new Event("draft:file", { bubbles: true }));
  } else refuse(item, answer.status === 422 ? answer.responseText : texts.requestFailed);
}

// A form sent while its files are on their way waits for them, unless one of them was refused.
let underway = 0;
let waiting = null;

document.addEventListener(
  "submit",
  (event) => {
    if (!underway || !event.target.querySelector("[data-upload-url]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = { form: event.target, submitter: event.submitter };
    const note = document.createElement("li");
    note.textContent = texts.uploading;
    listFor(event.target.querySelector("[data-upload-url]")).append(note);
  },
  true,
);

function arrived(input) {
  underway -= 1;
  if (underway || !waiting) return;
  const { form, submitter } = waiting;
  waiting = null;
  if (!listFor(input).querySelector(".upload-refused")) form.requestSubmit(submitter);
}

/** One after the other: the server inspects the first already. */
async function sendAll(input) {
  const files = [...input.files].map((file) => [file, faultOf(file, input)]);
  const items = files.map(([file, fault]) => row(file, fault));
  listFor(input).replaceChildren(...items);
  input.value = "";
  underway += 1;
  for (const [index, [file, fault]] of files.entries()) {
    if (!fault) await send(input, file, items[index]);
  }
  arrived(input);
}

/** What the server said of the files before is no word about these. */
function showChosen(input) {
  input.classList.remove("is-invalid");
  input.removeAttribute("aria-invalid");
  const faults = [...input.files].map((file) => faultOf(file, input));
  listFor(input).replaceChildren(...[...input.files].map((file, index) => row(file, faults[index])));
  input.setCustomValidity(countFault(input) || faults.find(Boolean) || "");
  if (!input.validity.valid) input.reportValidity();
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches("input[type=file][data-upload]")) return;
  if (input.dataset.uploadUrl) sendAll(input);
  else showChosen(input);
});
