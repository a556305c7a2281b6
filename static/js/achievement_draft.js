// 成果添加: keeps what is typed as a draft on the server, a second after the last change.
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
  const status = document.getElementById("draft-status");
  if (status) status.textContent = answer?.ok && !answer.redirected ? status.dataset.saved : "";
}

function stop() {
  clearTimeout(timer);
  sending.abort();
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("#achievement-form");
  if (!form || event.target.type === "file") return;
  clearTimeout(timer);
  timer = setTimeout(() => save(form), PAUSE);
});

// A draft saved after its form was sent would come back as a ghost.
document.addEventListener("submit", (event) => event.target.matches("#achievement-form") && stop());
