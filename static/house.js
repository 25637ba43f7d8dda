import { initAll } from "./build/govuk-frontend.min.js";
document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

// "/" leads to the search box of the page, as everywhere; typing a slash in a field stays typing.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const box = document.querySelector("main [data-shortcut='/']")
    ?? document.querySelector("[data-shortcut='/']");
  if (event.key !== "/" || typing || !box || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
});
