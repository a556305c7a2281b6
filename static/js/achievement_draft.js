// 成果添加: keeps what is typed or chosen as a draft on the server, a second after the last change. The address then
// names the draft, so that the page loaded anew or come back to goes on with it.
const PAUSE = 1000;
let timer;
let sending = new AbortController();

function draftOf(form) {
  const data = new FormData(form);
  data.delete("files");
  data.set("action", "autosave");
  return data;
}

async function save(form) {
  sending = new AbortController();
  const options = { method: "POST", body: draftOf(form), headers: { "X-Draft": "1" }, signal: sending.signal };
  const answer = await fetch(form.getAttribute("action"), options).catch(() => null);
  if (options.signal.aborted) return;
  const isSaved = answer?.ok && !answer.redirected;
  const status = document.getElementById("draft-status");
  if (status) status.textContent = isSaved ? status.dataset.saved : status.dataset.failed;
  if (isSaved) nameDraft(form);
}

function nameDraft(form) {
  if (!form.isConnected) return; // another type was chosen meanwhile
  const { type, draft } = form.elements;
  const query = new URLSearchParams({ type: type.value, draft: draft.value });
  history.replaceState(history.state, "", `${form.getAttribute("action")}?${query}`);
}

function stop() {
  clearTimeout(timer);
  sending.abort();
}

function saveSoon(event) {
  const form = event.target.closest("#achievement-form");
  if (!form || event.target.type === "file") return;
  clearTimeout(timer);
  timer = setTimeout(() => save(form), PAUSE);
}

document.addEventListener("input", saveSoon);
document.addEventListener("change", (event) => event.target.id === "id_entry" && saveSoon(event));
document.addEventListener("draft:file", (event) => nameDraft(event.target.form));

// A draft saved after its form was sent would come back as a ghost.
document.addEventListener("submit", (event) => event.target.matches("#achievement-form") && stop());
