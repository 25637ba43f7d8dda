// Compare a file with the digest on the page, in the browser; nothing is sent anywhere.
import { say } from "./tongue.js";
const box = document.querySelector("[data-verify-sha256]");
const answer = document.getElementById("verify-answer");

async function compare(file) {
  if (!file || !window.crypto || !window.crypto.subtle) {
    answer.textContent = say("这个浏览器不能计算摘要，请用页面上的命令比较。", "This browser cannot compute digests; use the command on the page.");
    return;
  }
  answer.textContent = say("正在计算……", "Computing…");
  const bytes = await file.arrayBuffer();
  const found = await digestOf(bytes);
  answer.textContent = await verdict(bytes, found);
}

async function digestOf(bytes) {
  const digest = await window.crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Genuine, superseded, touched behind the document itself, or different.
async function verdict(bytes, found) {
  const { verifySha256, verifyPlain, verifyPlainSize, verifySuperseded } = box.dataset;
  if (found === verifySha256) {
    return verifySuperseded
      ? say("一致，但这份文件已被替代，请以新版本为准。", "Identical, but this document was superseded; the new version counts.")
      : say("一致：手中的文件与出具的文件逐字节相同。", "Identical: your file is byte for byte the one issued.");
  }
  const size = Number(verifyPlainSize || 0);
  if (size && bytes.byteLength >= size && (await digestOf(bytes.slice(0, size))) === verifyPlain) {
    return say("正文与出具时逐字节相同，但其后的电子签名被去掉、替换或追加过内容。", "The document is byte for byte as issued, but the signature behind it was removed, replaced or added to.");
  }
  return say(`不一致：手中文件的摘要是 ${found}。可能被改动，或被阅读器另存过。`, `Different: the digest of your file is ${found}. It may have been altered, or saved anew by a reader.`);
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
