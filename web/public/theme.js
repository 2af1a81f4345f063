// Before the first paint: dark where the person chose it, or chose nothing and the system is dark.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("skerry-theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", dark);
})();
