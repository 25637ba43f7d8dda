"""Door: the signed log for people: looking into it, its checkpoints, checking a file."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ledger import clock, exploring, receipts, serving
from ledger.checking import MAX_CHECK_BYTES, check
from ledger.checkpoints import latest_checkpoint
from ledger.exploring import Search
from ledger.proofs import MAX_PROOF_BYTES
from ledger.rights import public
from ledger.signing import MAX_NOTE_CHARACTERS, Algorithm, NoteError, VerificationKey
from ledger.suites import SM3
from ledger.verdicts import FORMS, GOOD, SENTENCES, STEPS, UNDECIDED, NotProven, Trail, failed

_MOST_FILES = 4
TOO_LARGE, UNREADABLE = 413, 400


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text.isascii() else None
    except ValueError:
        return None


def _typed(text: str) -> str:
    """Return what somebody typed, without what no keyboard writes (the database takes no NUL)."""
    return "".join(each for each in text if each.isprintable()).strip()[:100]


@public
@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Show the newest checkpoint and entries; search by place, id, number, hash, type, days."""
    asked = {name: _typed(request.GET.get(name, "")) for name in _ASKED}
    days = {name: _date(asked[name]) for name in ("since", "until")}
    wrong_days = [name for name, day in days.items() if asked[name] and day is None]
    reference = ""
    missing = False
    if asked["q"]:
        found = exploring.find(asked["q"])
        if found.index is not None:
            return redirect("log_entry", index=found.index)
        reference, missing = found.reference, not found.reference
    before = serving.whole_number(request.GET.get("before"))
    search = Search(reference, asked["type"], days["since"], days["until"], before)
    lines = [] if missing or wrong_days else exploring.lines(search)
    context = {
        "checkpoint": latest_checkpoint(),
        "health": exploring.health(lines),
        "lines": lines,
        "types": exploring.types(),
        "asked": asked,
        "missing": missing,
        "wrong_days": wrong_days,
        "narrow": search.narrow,
        "older": _older(asked, lines),
        "begun": before is not None,
    }
    return render(request, "public/log.html", context)


_ASKED = ("q", "type", "since", "until")


def _older(asked: dict[str, str], lines: list[exploring.Line]) -> str:
    """Return the query of the next page, empty on the last one."""
    if len(lines) < exploring.PAGE or not lines[-1].index:
        return ""
    kept = {name: each for name, each in asked.items() if each}
    return urlencode({**kept, "before": str(lines[-1].index)})


@public
@require_safe
def entry(request: HttpRequest, index: int) -> HttpResponse:
    """Show one entry, what it says, and the proof that it lies in the log."""
    shown = exploring.show(index) if index < 2**63 else None
    if shown is None:
        raise Http404("no such entry")
    context = {
        "shown": shown,
        "story": shown.story,
        "entry": shown.entry,
        "proof": shown.proof,
        "hashes": [each.hex() for each in shown.proof.hashes],
        "leaf": shown.proof.leaf_hash.hex(),
        "last": shown.proof.size - 1,
        "log_page": True,
    }
    return render(request, "public/log_entry.html", context)


@public
@require_safe
def checkpoints(request: HttpRequest) -> HttpResponse:
    """Show the newest checkpoint with its signatures, and those before it."""
    return _checkpoints_page(request, {})


def _national(keys: list[VerificationKey]) -> dict[str, Any] | None:
    """Return the newest checkpoint of the second tree (SM3, SM2), checked like the first."""
    newest = latest_checkpoint(SM3)
    if newest is None:
        return None
    return {
        "checkpoint": newest,
        "fault": exploring.checkpoint_fault(newest.note, SM3),
        "signatures": exploring.signatures(newest.note, keys),
    }


def _checkpoints_page(
    request: HttpRequest, more: dict[str, Any], status: int = 200
) -> HttpResponse:
    before = serving.whole_number(request.GET.get("before"))
    newest = latest_checkpoint()
    listed = receipts.checkpoints(before, exploring.PAGE)
    keys = exploring.verification_keys()
    context = {
        "newest": newest,
        "fault": exploring.checkpoint_fault(newest.note) if newest else "",
        "signatures": exploring.signatures(newest.note, keys) if newest else [],
        "seen_by": exploring.seen_by(newest.size) if newest else [],
        "national": _national(keys),
        "listed": [(each, exploring.signatures(each.note, keys)) for each in listed],
        "older": listed[-1].size if len(listed) == exploring.PAGE else None,
        "begun": before is not None,
        "keys": [(each, each.algorithm.title) for each in keys],
        "note": "",
        **more,
    }
    return render(request, "public/log_checkpoints.html", context, status=status)


@public
@require_POST
def compare(request: HttpRequest) -> HttpResponse:
    """Compare a checkpoint that somebody holds with this log."""
    given = request.FILES.get("file")
    pasted = request.POST.get("note", "").replace("\r\n", "\n")
    if given is not None:
        if (given.size or 0) > MAX_PROOF_BYTES:
            reason = NotProven("too_large", limit=MAX_PROOF_BYTES)
            more = {"verdict": failed(reason, Trail())}
            return _checkpoints_page(request, more, TOO_LARGE)
        pasted = given.read().decode("utf-8", errors="replace")
    if not pasted.strip():
        return _checkpoints_page(request, {"nothing": True}, UNREADABLE)
    # A text copied from a page has lost or gained line ends; the signature judges the rest.
    note = pasted if given is not None else pasted.strip("\n ") + "\n"
    return _checkpoints_page(
        request, {"verdict": receipts.compare_checkpoint(note, at=clock.now()), "note": note}
    )


def _checkable(keys: list[VerificationKey]) -> list[VerificationKey]:
    """Return the keys that a browser can check as well, so that both say the same."""
    return [each for each in keys if each.algorithm is Algorithm.ED25519]


@public
@require_http_methods(["GET", "HEAD", "POST"])
def check_file(request: HttpRequest) -> HttpResponse:
    """Check files somebody holds: in the browser where it can, else here."""
    keys = _checkable(exploring.verification_keys())
    context: dict[str, Any] = {
        "keys": keys,
        "origin": settings.LOG_ORIGIN,
        "limit": MAX_CHECK_BYTES,
        "note_limit": MAX_NOTE_CHARACTERS,
        "sentences": SENTENCES,
        "steps": STEPS,
        "forms": FORMS,
        "good": GOOD,
        "undecided": UNDECIDED,
        "vkey": request.POST.get("vkey", "").strip()[:4096],
    }
    status = 200
    if request.method == "POST":
        status = _checked(request, context)
    return render(request, "public/log_check.html", context, status=status)


def _checked(request: HttpRequest, context: dict[str, Any]) -> int:
    """Put the verdict on uploaded files, or what is wrong with the form, into the page."""
    files = request.FILES.getlist("files")
    if context["vkey"]:
        try:
            context["keys"] = [VerificationKey.parse(each) for each in context["vkey"].split()]
        except NoteError:
            context["error"] = "填写的验证密钥不是规范写法，请整行复制。"
            return UNREADABLE
    if not files or len(files) > _MOST_FILES:
        context["error"] = "请选择要核验的文件，一次最多 4 个。"
        return UNREADABLE
    if sum(each.size or 0 for each in files) > MAX_CHECK_BYTES:
        context["verdict"] = failed(NotProven("too_large", limit=MAX_CHECK_BYTES), Trail())
        return TOO_LARGE
    contents = [each.read() for each in files]
    context["verdict"] = check(contents, context["keys"], receipts.OwnLog())
    return 200


urlpatterns = [
    path("", explorer, name="log"),
    path("entries/<int:index>/", entry, name="log_entry"),
    path("checkpoints/", checkpoints, name="log_checkpoints"),
    path("checkpoints/compare/", compare, name="log_compare"),
    path("check/", check_file, name="log_check"),
]
