// Before the first paint, so that nobody who chose a theme sees the other one flash. A file of its own because the
// content security policy allows no script inside the page.
(() => {
  try {
    const chosen = localStorage.getItem("maquette.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; then the system's theme holds.
  }
})();
