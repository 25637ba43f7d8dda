// Check files of the log on the page, in the browser; they are sent nowhere. Only what somebody
// does not hold (an entry, a proof, the newest checkpoint) is fetched from this house.
import { say } from "./tongue.js";
import { check, readKey } from "./log-proof.js";

const form = document.getElementById("check-form");
const answer = document.getElementById("check-answer");
const how = document.getElementById("check-how");
const MOST_FILES = 4;
const MOST_BYTES = 512 * 2 ** 20; // held in memory at once

async function canCheck() {
  try {
    const point = Uint8Array.from([0x58, ...Array(31).fill(0x66)]); // the base point of the curve
    await crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"]);
    return typeof "".isWellFormed === "function";
  } catch {
    return false;
  }
}

function wordsOf(id) {
  const words = {};
  for (const term of document.querySelectorAll(`#${id} dt`)) {
    words[term.textContent] = term.nextElementSibling.textContent;
  }
  return words;
}

const SENTENCES = wordsOf("check-words");
const STEPS = wordsOf("check-steps");
const FORMS = wordsOf("check-forms");
const marked = (name) => document.getElementById("check-words").dataset[name].split(" ");

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) =>
    String(name === "form" ? FORMS[values.form] : values[name]));
}

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function show(verdict) {
  const tone = marked("good").includes(verdict.code) ? "good" : marked("undecided").includes(verdict.code) ? "wait" : "bad";
  const box = element("div", "", `govuk-inset-text inset--${tone}`);
  box.dataset.code = verdict.code;
  const line = document.createElement("p");
  line.append(element("strong", filled(SENTENCES[verdict.code], verdict.values)));
  box.append(line);
  answer.replaceChildren(box);
  if (verdict.steps.length) {
    const list = element("ol", "", "govuk-list govuk-list--number breaks");
    list.append(...verdict.steps.map((step) => element("li", filled(STEPS[step.code], step.values))));
    answer.append(element("h2", say("核验过程", "How it was verified"), "govuk-heading-s"), list);
  }
}

function complain(text) {
  const box = element("div", "", "govuk-inset-text inset--bad");
  box.append(element("p", text));
  answer.replaceChildren(box);
}

// ---------------------------------------------------------------- what the house is asked
async function fetched(address) {
  const response = await fetch(address, { credentials: "omit" });
  return response.ok ? response : null;
}

async function bytesAt(address) {
  const response = await fetched(address);
  return response ? new Uint8Array(await response.arrayBuffer()) : null;
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const house = {
  entry: (index) => bytesAt(`${form.dataset.entries}${index}.json`),
  async proofOf(id) {
    const response = await fetched(`${form.dataset.proof}?entry=${id}`);
    if (!response) return null;
    const { index } = await response.json();
    const proof = await bytesAt(`${form.dataset.proofs}${index}.tlog-proof`);
    const entry = await bytesAt(`${form.dataset.entries}${index}.json`);
    return proof && entry ? { proof, entry } : null;
  },
  async newest() {
    const response = await fetched(form.dataset.checkpoint);
    return response ? response.text() : null;
  },
  async growth(old, latest) {
    const response = await fetched(`${form.dataset.consistency}?from=${old}&to=${latest}`);
    return response ? (await response.json()).hashes.map(fromHex) : [];
  },
};

// ---------------------------------------------------------------- the form
async function trusted() {
  const typed = form.elements.vkey.value.split(/\s+/).filter(Boolean);
  const own = [...document.querySelectorAll("#check-keys [data-vkey]")].map((each) => each.dataset.vkey);
  const keys = await Promise.all((typed.length ? typed : own).map(readKey));
  return keys.includes(null) ? null : keys;
}

function breath(done, total) {
  answer.textContent = say(`正在核验……${done} / ${total} 条`, `Verifying… ${done} of ${total} entries`);
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function run(files) {
  const keys = await trusted();
  if (!keys) return complain(say("填写的验证密钥不是规范写法，请整行复制。", "The verifier key is not in canonical form. Copy the whole line."));
  if (!files.length || files.length > MOST_FILES) return complain(say("请选择要核验的文件，一次最多 4 个。", "Choose the files to verify, at most 4 at a time."));
  if (files.reduce((sum, each) => sum + each.size, 0) > MOST_BYTES) {
    return show({ code: "too_large", values: { limit: MOST_BYTES }, steps: [] });
  }
  answer.textContent = say("正在核验……", "Verifying…");
  const contents = await Promise.all(files.map(async (each) => new Uint8Array(await each.arrayBuffer())));
  const trust = { keys, noteLimit: Number(form.dataset.noteLimit) };
  show(await check(contents, trust, house, breath));
  return answer.focus();
}

async function begin(files) {
  try {
    await run(files);
  } catch {
    complain(say("没有核验成：读不到文件，或与本站的连接中断。请重试。", "Not verified: a file cannot be read or the connection broke. Please try again."));
  }
}

if (form && (await canCheck())) {
  how.textContent = say("核验在您的浏览器里完成，文件不会上传。", "It is verified in your browser; files are not uploaded.");
  const input = form.elements.files;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin([...input.files]);
  });
  input.addEventListener("change", () => begin([...input.files]));
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    begin([...event.dataTransfer.files]);
  });
} else if (how) {
  how.textContent = say("这个浏览器不能自己核验签名：文件将发送到本站核验，核验后不保存。", "This browser cannot verify signatures itself: the file is sent to this site to be verified, and not kept.");
}
