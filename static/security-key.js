// Security keys. allauth's script asks the browser for the key and puts its answer into the form;
// here is what the page says while it waits and when it fails. The question lies in the markup.
import { say } from "./tongue.js";

const box = document.getElementById("security-key");
const start = document.getElementById("security-key-start");
const ready = document.getElementById("security-key-ready");
const waits = document.getElementById("security-key-waits");
const failed = document.getElementById("security-key-failed");
let waiting = false;

const cancelled = () => say(
  "没有完成：您取消了操作，等待时间太长，或者这把密钥没有登记在您的账号下。请再按一次按钮。",
  "Not completed: you cancelled, it took too long, or this key is not registered with your account. Press the button again.",
);
const WORDS = {
  NotAllowedError: () => (box.dataset.does === "addForm" ? say(
    "没有完成：您取消了操作，或者等待时间太长。请再按一次按钮。",
    "Not completed: you cancelled or it took too long. Press the button again.",
  ) : cancelled()),
  AbortError: cancelled,
  InvalidStateError: () => say(
    "这把安全密钥已经登记过，不用再添加。要添加备用的，请换另一把。",
    "This security key is registered already. To add a spare one, use another key.",
  ),
  SecurityError: () => say(
    "这个网址不能使用安全密钥。请用本服务的正式网址（https 开头、带域名）打开；在本机试用请用 localhost。",
    "Security keys do not work at this address. Open the service at its official https address with a domain name; on your own machine use localhost.",
  ),
  NotSupportedError: () => say(
    "这把密钥或这个浏览器不支持所需的算法。请换一把密钥，或者换一个浏览器。",
    "This key or this browser does not support what is needed. Use another key or another browser.",
  ),
};
WORDS.ConstraintError = WORDS.NotSupportedError;

function why(error) {
  const known = WORDS[error.name];
  return known ? known() : say(
    `安全密钥没有回应（${error.name}）。请拔下再插入，再按一次按钮。`,
    `The security key did not answer (${error.name}). Unplug it, plug it in again and press the button.`,
  );
}

function tell(waitingText, failedText) {
  waits.textContent = waitingText;
  failed.textContent = failedText;
}

function askOnce(event) {
  if (!waiting) {
    waiting = true;
    tell(say("请按浏览器的提示，插入或触碰您的安全密钥……", "Follow your browser: insert or touch your security key…"), "");
  } else {
    event.stopImmediatePropagation(); // one question at a time
  }
}

function begin() {
  const { does, answer, options } = box.dataset;
  const field = document.getElementById(answer);
  const form = field.closest("form");
  start.addEventListener("click", askOnce, true);
  const ids = { add: start.id, authenticate: start.id, credential: field.id };
  window.allauth.webauthn.forms[does]({ ids, data: JSON.parse(options) });
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    waiting = false;
    tell("", why(event.detail.exception));
  });
  // allauth sends the form without the event by which the rest of the page knows that it was sent.
  form.submit = () => form.requestSubmit();
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault(); // Enter in the name means the button
    start.click();
  });
  ready.hidden = false;
}

function cannot() {
  if (!window.isSecureContext) return WORDS.SecurityError();
  return window.webauthnJSON?.supported() && window.allauth?.webauthn ? "" : say(
    "这个浏览器不支持安全密钥。请换用新版的 Edge、Chrome、Firefox 或 Safari（双核浏览器请切换到极速模式），或者改用其他方式。",
    "This browser does not support security keys. Use a recent Edge, Chrome, Firefox or Safari, or another way.",
  );
}

if (box) {
  const fault = cannot();
  if (fault) tell("", fault);
  else begin();
}
