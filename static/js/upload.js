// Shows what was chosen in input[type=file][data-upload] and refuses, before sending, what the server would refuse:
// size (data-max-mb), extension (accept) and number (data-max-files).
const texts = document.getElementById("script-texts").dataset;

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

function row(file, fault) {
  const item = document.createElement("li");
  item.append(file.name, " ", sizeOf(file));
  if (!fault) return item;
  const reason = document.createElement("strong");
  reason.textContent = fault;
  item.className = "upload-refused";
  item.append(reason);
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

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches("input[type=file][data-upload]")) return;
  const faults = [...input.files].map((file) => faultOf(file, input));
  listFor(input).replaceChildren(...[...input.files].map((file, index) => row(file, faults[index])));
  input.setCustomValidity(countFault(input) || faults.find(Boolean) || "");
  if (!input.validity.valid) input.reportValidity();
});
