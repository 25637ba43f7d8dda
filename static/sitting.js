// Warn before a session ends, and keep what was typed until its reader is back at the same field.
// Kept in this window alone (sessionStorage), under the reader's own number; never passwords,
// files, ticks or hidden fields. Without script the server says so when somebody comes back.
const box = document.getElementById("sitting");
const MINUTE = 60000;
const TYPED = "input:not([type=hidden]):not([type=password]):not([type=file]):not([type=checkbox]):not([type=submit]), select, textarea";

function fields() {
  const forms = [...document.querySelectorAll("main form[method=post]")];
  return forms.flatMap((form) => [...form.querySelectorAll(TYPED)]).filter((each) => each.name);
}

function key() { return `kept:${box.dataset.who}:${location.pathname}`; }

function valueOf(field) { return field.type === "radio" ? field.checked : field.value; }

function keep() {
  const typed = fields().map((each) => [each.id, valueOf(each)]).filter(([id]) => id);
  const focused = document.activeElement?.id ?? "";
  sessionStorage.setItem(key(), JSON.stringify({ typed, focused }));
}

function sayRestored() {
  const told = document.createElement("div");
  told.className = "message message--info";
  told.setAttribute("role", "status");
  told.textContent = box.dataset.restored;
  document.getElementById("main").prepend(told);
}

function bringBack() {
  const sent = sessionStorage.getItem("sent");
  sessionStorage.removeItem("sent");
  if (sent && sent !== key()) sessionStorage.removeItem(sent); // it arrived: we are a page further
  const kept = JSON.parse(sessionStorage.getItem(key()) ?? "null");
  if (!kept) return;
  let changed = 0;
  for (const [id, value] of kept.typed) {
    const field = document.getElementById(id);
    if (!field || valueOf(field) === value) continue;
    if (field.type === "radio") field.checked = value; else field.value = value;
    changed += 1;
  }
  if (!changed) return;
  sayRestored();
  document.getElementById(kept.focused)?.focus();
}

function watch() {
  let last = Date.now();
  const left = () => Number(box.dataset.seconds) * 1000 - (Date.now() - last);
  const stay = async () => {
    const answer = await fetch(box.dataset.stay, { redirect: "manual" });
    if (answer.status === 204) { last = Date.now(); box.close(); } else { location.reload(); }
  };
  document.getElementById("sitting-stay").addEventListener("click", stay);
  box.addEventListener("cancel", (event) => { event.preventDefault(); stay(); });
  setInterval(() => {
    if (left() <= 0) { keep(); location.reload(); return; }
    if (left() > Number(box.dataset.warned) * 1000) return;
    document.getElementById("sitting-left").textContent = String(Math.max(1, Math.ceil(left() / MINUTE)));
    if (!box.open) { keep(); box.showModal(); }
  }, Math.min(15000, Number(box.dataset.warned) * 500));
}

if (box) {
  bringBack();
  const signedOut = box.querySelector("form").action;
  document.addEventListener("input", () => { if (fields().length) keep(); });
  document.addEventListener("submit", (event) => {
    if (event.target.action !== signedOut && fields().some((each) => event.target.contains(each))) sessionStorage.setItem("sent", key());
  });
  watch();
}
