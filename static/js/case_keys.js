// Alt+N, Alt+P and Alt+L on a case, alike in every browser: each has other keys for accesskey, some need Shift or Ctrl.
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const letter = event.code.replace(/^Key/, "").toLowerCase();
  const link = document.querySelector(`.case-nav [accesskey="${CSS.escape(letter)}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});
