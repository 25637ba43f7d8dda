// The documentation page: send the sample from this browser and show what came back; copy examples.
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

function block(title, text) {
  const heading = document.createElement("h3");
  heading.className = "govuk-heading-s";
  heading.textContent = title;
  const pre = document.createElement("pre");
  pre.className = "mono scroll";
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", `${title === "请求" ? "发出" : "收到"}的${title}`);
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
  block("请求", `POST /api/v1/metering/batches\n${lines.join("\n")}\n\n${sample}`);
  try {
    const answer = await told(await fetch("/api/v1/metering/batches", { method: "POST", headers, body: sample }));
    block("应答", answer.text);
    if (answer.value && answer.value.receipt_url) {
      const receipt = await told(await fetch(answer.value.receipt_url, { headers: { Authorization: headers.Authorization } }));
      block("回执", receipt.text);
    }
  } catch {
    block("应答", "没有连上服务。请检查网络后重试：同一个 Idempotency-Key 不会重复计算。");
  }
  shown.focus();
}

if (form && shown) form.addEventListener("submit", send);

for (const pre of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "govuk-button govuk-button--secondary copy";
  button.textContent = "复制";
  button.setAttribute("aria-label", `复制${pre.getAttribute("aria-label") || "示例"}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "已复制";
    } catch {
      button.textContent = "请手动选择复制";
    }
  });
  if (navigator.clipboard) pre.after(button);
}
