"""Why each problem comes about, wrong and right side by side, and whether to send again.

The catalogue (``problems``) says what a code is; this says the rest, for its page and its entry.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.problems import CATALOGUE, Problem

_FILE = Path(__file__).parent / "explanations.toml"
_SAME_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_STOP = frozenset({401, 403, 404})
RETRY_TEXTS = {
    "mend": ("先改正，再发送", "内容变了就换新的 Idempotency-Key；只改了头或签名则沿用原来的键。"),
    "same": ("可以重试", "原样重发，Idempotency-Key 不变，签名换新的 nonce，间隔逐次加长。"),
    "stop": ("不要自动重试", "先由人查明原因；重发同样的请求会得到同样的结果。"),
}
GROUPS = (
    ("record", "一条记录里的问题", "列在 422 或 207 的 errors 中，逐行逐列。"),
    ("request", "请求和文件的问题", "整个请求未生效。"),
    ("access", "密钥与签名的问题", "没有证明是谁发送的，请求未生效。"),
    ("service", "服务的状态", "请求本身可能没有错。"),
)


@dataclass(frozen=True)
class Explanation:
    """What a page of the catalogue says beyond the title and the hint."""

    entry: Problem
    why_zh: str
    why_en: str
    wrong: str
    right: str
    retry: str

    @property
    def retry_word(self) -> str:
        """Return in a few words whether sending again makes sense."""
        return RETRY_TEXTS[self.retry][0]

    @property
    def retry_text(self) -> str:
        """Return how to send again."""
        return RETRY_TEXTS[self.retry][1]

    @property
    def group(self) -> str:
        """Return under which heading the code stands."""
        if self.entry.code in _RECORD_CODES:
            return "record"
        if self.entry.status in (401, 403):
            return "access"
        return "service" if self.entry.status >= 429 or self.entry.status == 409 else "request"

    def as_plain(self) -> dict[str, Any]:
        """Return the entry as the interface tells it."""
        entry = self.entry
        return {
            "code": entry.code,
            "type": f"/api/v1/problems/{entry.code}",
            "status": entry.status,
            "retry": self.retry,
            "example": {"wrong": self.wrong, "right": self.right},
            "zh": {"title": entry.zh, "hint": entry.hint_zh, "why": self.why_zh},
            "en": {"title": entry.en, "hint": entry.hint_en, "why": self.why_en},
        }


def _read() -> tuple[dict[str, Explanation], frozenset[str]]:
    """Read the file in the order of the catalogue; a code without an entry explains itself."""
    with _FILE.open("rb") as file:
        told = tomllib.load(file)
    with (_FILE.parent / "problems.toml").open("rb") as file:
        listed = {code for code, entry in tomllib.load(file).items() if "status" not in entry}
    found = {}
    for code, entry in CATALOGUE.items():
        said = told.get(code, {})
        found[code] = Explanation(
            entry,
            why_zh=said.get("why_zh", entry.zh),
            why_en=said.get("why_en", entry.en),
            wrong=said.get("wrong", "").strip("\n"),
            right=said.get("right", entry.hint_zh).strip("\n"),
            retry=said.get("retry", _retry_of(entry.status)),
        )
    return found, frozenset(listed)


def _retry_of(status: int) -> str:
    if status in _SAME_AGAIN:
        return "same"
    return "stop" if status in _STOP else "mend"


EXPLANATIONS, _RECORD_CODES = _read()


def record_problems() -> list[Explanation]:
    """Return what can be wrong with one record, in the order of the catalogue."""
    return [each for each in EXPLANATIONS.values() if each.group == "record"]


def grouped() -> list[dict[str, Any]]:
    """Return the catalogue under its headings, for the page that lists all."""
    return [
        {
            "code": code,
            "title": title,
            "text": text,
            "entries": [each for each in EXPLANATIONS.values() if each.group == code],
        }
        for code, title, text in GROUPS
    ]
