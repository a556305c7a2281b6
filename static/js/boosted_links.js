// Inside hx-boost a link to the page's own address (another page of the list) is answered in place. Any other link
// leads away: its answer holds nothing of this page to put there.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { boosted, elt, requestConfig } = event.detail;
  if (!boosted || !elt.matches("a[href]") || elt.pathname === location.pathname) return;
  event.preventDefault();
  location.assign(requestConfig.path);
});
