// The documentation page: send the sample from this browser and show what came back; copy examples.
import { say } from "./tongue.js";
const form = document.getElementById("try-send");
const shown = document.getElementById("try-answer");

function line(answer, name) {
  return answer.headers.has(name) ? `\n${name}: ${answer.headers.get(name)}` : "";
}

async function told(answer) {
  const body = await answer.text();
  const names = ["Content-Type", "Location", "Idempotency-Replayed", "Retry-After"];
  const head = `HTTP ${answer.status} ${answer.statusText}${names.map((name) => line(answer, name)).join("")}`;
  let value = null;
  try { value = JSON.parse(body); } catch { /* shown as it is */ }
  return { text: `${head}\n\n${value ? JSON.stringify(value, null, 1) : body}`, value };
}

function block(title, text, sent = false) {
  const heading = document.createElement("h3");
  heading.className = "govuk-heading-s";
  heading.textContent = title;
  const pre = document.createElement("pre");
  pre.className = "mono scroll";
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", say(`${sent ? "发出" : "收到"}的${title}`, `${title} ${sent ? "sent" : "received"}`));
  pre.textContent = text;
  shown.append(heading, pre);
  return pre;
}

async function send(event) {
  event.preventDefault();
  const given = new FormData(form);
  const headers = {
    Authorization: `Bearer ${given.get("token").trim()}`,
    "Content-Type": given.get("kind"),
    "Idempotency-Key": given.get("key"),
  };
  const sample = given.get("sample").replaceAll("\r\n", "\n");
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  shown.replaceChildren();
  block(say("请求", "Request"), `POST /api/v1/metering/batches\n${lines.join("\n")}\n\n${sample}`, true);
  try {
    const answer = await told(await fetch("/api/v1/metering/batches", { method: "POST", headers, body: sample }));
    block(say("应答", "Answer"), answer.text);
    if (answer.value && answer.value.receipt_url) {
      const receipt = await told(await fetch(answer.value.receipt_url, { headers: { Authorization: headers.Authorization } }));
      block(say("回执", "Receipt"), receipt.text);
    }
  } catch {
    block(say("应答", "Answer"), say("没有连上服务。请检查网络后重试：同一个 Idempotency-Key 不会重复计算。", "The service was not reached. Check the network and try again: the same Idempotency-Key is not counted twice."));
  }
  shown.focus();
}

if (form && shown) form.addEventListener("submit", send);

for (const pre of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "govuk-button govuk-button--secondary copy";
  button.textContent = say("复制", "Copy");
  button.setAttribute("aria-label", say(`复制${pre.getAttribute("aria-label") || "示例"}`, `Copy ${pre.getAttribute("aria-label") || "example"}`));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = say("已复制", "Copied");
    } catch {
      button.textContent = say("请手动选择复制", "Select and copy by hand");
    }
  });
  if (navigator.clipboard) pre.after(button);
}
