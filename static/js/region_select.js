// Province → city → district: the three selects inside [data-regions-url], each fetched when the one before it changes.
function clear(select) {
  select.length = select.options[0]?.value === "" ? 1 : 0;
}

async function fetchRegions(url, parent) {
  const query = new URLSearchParams({ parent });
  const response = await fetch(`${url}?${query}`);
  return response.ok ? response.json() : [];
}

async function offerNext(box, changed) {
  const selects = [...box.querySelectorAll("select")];
  const [next, ...later] = selects.slice(selects.indexOf(changed) + 1);
  if (!next) return;
  [next, ...later].forEach(clear);
  const parent = changed.value;
  const regions = parent ? await fetchRegions(box.dataset.regionsUrl, parent) : [];
  // Another choice may have been made while this answer travelled.
  if (changed.value === parent) next.append(...regions.map(({ code, name }) => new Option(name, code)));
}

document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-regions-url]");
  if (box && event.target.matches("select")) offerNext(box, event.target);
});

// A choice made before this file was there.
for (const box of document.querySelectorAll("[data-regions-url]")) {
  const changed = [...box.querySelectorAll("select")].find(
    (select) => select.value && !select.selectedOptions[0].defaultSelected,
  );
  if (changed) offerNext(box, changed);
}
