// Compare a file with the digest on the page, in the browser; nothing is sent anywhere.
const box = document.querySelector("[data-verify-sha256]");
const answer = document.getElementById("verify-answer");

async function compare(file) {
  if (!file || !window.crypto || !window.crypto.subtle) {
    answer.textContent = "这个浏览器不能计算摘要，请用页面上的命令比较。";
    return;
  }
  answer.textContent = "正在计算……";
  const digest = await window.crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  const found = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const same = found === box.dataset.verifySha256;
  answer.textContent = same
    ? "一致：手中的文件与出具的文件逐字节相同。"
    : `不一致：手中文件的摘要是 ${found}。可能被改动，或被阅读器另存过。`;
}

if (box && answer) {
  const input = box.querySelector("input");
  input.addEventListener("change", () => compare(input.files[0]));
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    compare(event.dataTransfer.files[0]);
  });
}
