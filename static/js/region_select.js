// Province → city → district: the three selects inside [data-regions-url], each fetched when the one before it changes.
function clear(select) {
  select.length = select.options[0]?.value === "" ? 1 : 0;
}

async function fetchRegions(url, parent) {
  const query = new URLSearchParams({ parent });
  const response = await fetch(`${url}?${query}`);
  return response.ok ? response.json() : [];
}

document.addEventListener("change", async (event) => {
  const box = event.target.closest("[data-regions-url]");
  if (!box || !event.target.matches("select")) return;
  const selects = [...box.querySelectorAll("select")];
  const [next, ...later] = selects.slice(selects.indexOf(event.target) + 1);
  if (!next) return;
  [next, ...later].forEach(clear);
  const parent = event.target.value;
  const regions = parent ? await fetchRegions(box.dataset.regionsUrl, parent) : [];
  // Another choice may have been made while this answer travelled.
  if (event.target.value === parent) next.append(...regions.map(({ code, name }) => new Option(name, code)));
});
