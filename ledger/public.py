"""Door: the signed log for programs: checkpoints, tiles, entries, proofs, promises, evidence.

The addresses under ``tile/`` and ``checkpoint`` are those of C2SP tlog-tiles, so that any
client of that format reads this log. What people look at is in ``ledger.public_log``.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from ledger import clock, exploring, receipts, serving, witnessing
from ledger.audit import entry_index, latest_checkpoint, proof
from ledger.rights import View, public
from ledger.serving import BadQuery, Question, number
from ledger.suites import SHA256, SM3, Suite

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
ZIP = "application/zip"
IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "no-cache"
LISTED = 100
ACCEPTED = 202


def _stated(body: bytes | str, kind: str, caching: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(body, content_type=kind, status=status)
    response["Cache-Control"] = caching
    response["Access-Control-Allow-Origin"] = "*"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _missing(text: str) -> HttpResponse:
    return _stated(text + "\n", TEXT, FRESH, 404)


def _json(content: dict[str, Any], status: int = 200) -> HttpResponse:
    response = JsonResponse(content, status=status, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = FRESH
    return response


def _nothing(code: str, sentence: str) -> HttpResponse:
    return _json({"error": sentence, "code": code}, 404)


def _strict(view: Callable[..., HttpResponse]) -> View:
    """Answer a question that cannot be read with 400, a reason code and a sentence."""

    @require_safe
    @wraps(view)
    def answered(request: HttpRequest, **gaps: Any) -> HttpResponse:
        try:
            return view(request, **gaps)
        except BadQuery as error:
            return _json({"error": str(error), "code": error.code}, 400)

    return public(answered)


@_strict
def checkpoint(request: HttpRequest, suite: Suite = SHA256) -> HttpResponse:
    """Give the newest signed checkpoint of a tree; ``?witnessed``: that a quorum cosigned."""
    if Question(request.GET, "witnessed").has("witnessed") and suite == SHA256:
        note = witnessing.witnessed_checkpoint(witnessing.policy(exploring.verification_keys()))
        return _stated(note, TEXT, FRESH) if note else _missing("尚无达到法定数的检查点")
    newest = latest_checkpoint(suite)
    return _stated(newest.note, TEXT, FRESH) if newest else _missing("尚未签发检查点")


@_strict
def checkpoint_of(request: HttpRequest, size: str) -> HttpResponse:
    """Give the checkpoint that was signed at a size."""
    found = receipts.checkpoint_at(number("size", size))
    return _stated(found.note, TEXT, IMMUTABLE) if found else _missing("没有这个大小的检查点")


@_strict
def checkpoint_list(request: HttpRequest) -> HttpResponse:
    """List signed checkpoints, newest first, in pages."""
    before = Question(request.GET, "before").number("before")
    found = receipts.checkpoints(before, LISTED)
    return _json(serving.checkpoints_as_dict(found, LISTED))


@_strict
def tile(request: HttpRequest, level: str, rest: str, suite: Suite = SHA256) -> HttpResponse:
    """Give a tile of hashes or a bundle of entries; it never changes once it exists."""
    body = serving.tile_bytes(level, rest, suite)
    return _missing("没有这个文件") if body is None else _stated(body, BYTES, IMMUTABLE)


@_strict
def keys(request: HttpRequest) -> HttpResponse:
    """Give the verification keys the log introduced, one per line."""
    lines = [each.text + "\n" for each in exploring.verification_keys()]
    return _stated("".join(lines), TEXT, FRESH) if lines else _missing("尚无验证密钥")


@_strict
def policy(request: HttpRequest) -> HttpResponse:
    """Give the trust policy: the keys of this log, its witnesses, and the quorum."""
    text = witnessing.policy(exploring.verification_keys()).text
    return _stated(text.encode("utf-8", "surrogateescape"), TEXT, FRESH)


@_strict
def prove(request: HttpRequest) -> HttpResponse:
    """Give one entry with the proof that it lies in the log, as JSON; wait for it if asked."""
    question = Question(request.GET, "index", "size", "entry", "wait")
    if question.has("entry"):
        seconds = question.number("wait") or 0
        if seconds > receipts.MOST_SECONDS_TO_WAIT:
            raise BadQuery("not_a_number", f"wait 最多为 {receipts.MOST_SECONDS_TO_WAIT} 秒。")
        index = receipts.wait_for_inclusion(question.entry_id("entry"), seconds)
        if index is None:
            return _nothing("not_sealed", "没有这一条，或它还没有封存，请稍后再取。")
    else:
        index = question.needed("index")
    proven = proof(index, question.number("size"))
    if proven is None:
        return _nothing("not_in_log", "没有这一条，或日志没有这么大。")
    return _json(serving.proof_as_dict(proven))


@_strict
def log_proof(request: HttpRequest, index: str) -> HttpResponse:
    """Give the proof of an entry as a C2SP ``.tlog-proof`` file; ``?witnessed``: cosigned."""
    question = Question(request.GET, "size", "witnessed")
    size, place = question.number("size"), number("index", index)
    if question.has("witnessed"):
        found = receipts.witnessed_proof(place)
    else:
        found = receipts.log_proof(place, size)
    if found is None:
        return _nothing("not_in_log", "没有这一条，或没有这个大小的检查点。")
    return _stated(found.text, TEXT, IMMUTABLE if size is not None else FRESH)


@_strict
def entry_json(request: HttpRequest, index: str) -> HttpResponse:
    """Give the bytes of an entry, exactly as they are hashed."""
    Question(request.GET)
    body = receipts.entry_bytes(number("index", index))
    if body is None:
        return _nothing("not_in_log", "没有这一条。")
    return _stated(body, JSON, IMMUTABLE)


@_strict
def evidence(request: HttpRequest, index: str) -> HttpResponse:
    """Give the evidence package of an entry: all that a stranger needs to check it offline."""
    size = Question(request.GET, "size").number("size")
    body = receipts.package(number("index", index), size)
    if body is None:
        return _nothing("not_in_log", "没有这一条，或没有这个大小的检查点。")
    response = _stated(body, ZIP, IMMUTABLE if size is not None else FRESH)
    response["Content-Disposition"] = f'attachment; filename="log-evidence-{index}.zip"'
    return response


@_strict
def consistency(request: HttpRequest) -> HttpResponse:
    """Give the proof that the log of one size begins with the log of a smaller size."""
    question = Question(request.GET, "from", "to", "format")
    old, new = question.needed("from"), question.needed("to")
    if question.text("format") not in {"", "json", "text"}:
        raise BadQuery("not_a_format", "format 只能是 json 或 text。")
    if not 0 < old <= new:
        raise BadQuery("sizes_out_of_order", "应有 0 < from ≤ to。")
    found = receipts.growth(old, new)
    if found is None:
        return _nothing("beyond_log", "日志没有这么大。")
    if question.text("format") == "text":
        return _stated(serving.growth_as_text(found), TEXT, IMMUTABLE)
    return _json(serving.growth_as_dict(old, new, found))


@_strict
def promise(request: HttpRequest) -> HttpResponse:
    """Give the signed promise about an entry that is not sealed yet, or say where it lies."""
    entry_id = Question(request.GET, "entry").entry_id("entry")
    note = receipts.promise_for(entry_id, at=clock.now())
    index = entry_index(entry_id)
    if note is None and index is None:
        return _nothing("unknown_entry", "没有这一条。")
    answer: dict[str, Any] = {"entry": str(entry_id), "promise": note, "index": index}
    if index is not None:
        answer["proof"] = reverse("log_tlog_proof", kwargs={"index": index})
    return _json(answer, 200 if index is not None else ACCEPTED)


urlpatterns = [
    path("entries/<str:index>.json", entry_json, name="log_entry_json"),
    path("proofs/<str:index>.tlog-proof", log_proof, name="log_tlog_proof"),
    path("evidence/<str:index>.zip", evidence, name="log_evidence"),
    path("checkpoint", checkpoint, name="log_checkpoint"),
    path("checkpoints.json", checkpoint_list, name="log_checkpoint_list"),
    path("checkpoints/<str:size>", checkpoint_of, name="log_checkpoint_of"),
    path("tile/<str:level>/<path:rest>", tile, name="log_tile"),
    path("checkpoint.sm", checkpoint, {"suite": SM3}, name="log_checkpoint_sm"),
    path("sm3/tile/<str:level>/<path:rest>", tile, {"suite": SM3}, name="log_tile_sm3"),
    path("key", keys, name="log_key"),
    path("policy", policy, name="log_policy"),
    path("proof", prove, name="log_proof"),
    path("consistency", consistency, name="log_consistency"),
    path("promise", promise, name="log_promise"),
]
