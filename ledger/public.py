"""Door: the signed log for anybody: checkpoint, tiles, proofs, and pages to look into it.

The addresses under ``tile/`` and ``checkpoint`` are those of C2SP tlog-tiles, so that any
client of that format reads this log.
"""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe

from ledger import exploring, serving, witnessing
from ledger.audit import latest_checkpoint, proof
from ledger.rights import public
from ledger.suites import SHA256, SM3, Suite

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "no-cache"


def _stated(body: bytes | str, kind: str, caching: str) -> HttpResponse:
    response = HttpResponse(body, content_type=kind)
    response["Cache-Control"] = caching
    response["Access-Control-Allow-Origin"] = "*"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@public
@require_safe
def checkpoint(request: HttpRequest, suite: Suite = SHA256) -> HttpResponse:
    """Give the newest signed checkpoint of a tree; ``?witnessed``: that a quorum cosigned."""
    if "witnessed" in request.GET and suite == SHA256:
        note = witnessing.witnessed_checkpoint(witnessing.policy(exploring.verification_keys()))
        return _stated(note, TEXT, FRESH) if note else _stated_missing("尚无达到法定数的检查点\n")
    newest = latest_checkpoint(suite)
    if newest is None:
        return _stated_missing("尚未签发检查点\n")
    return _stated(newest.note, TEXT, FRESH)


def _stated_missing(text: str) -> HttpResponse:
    response = _stated(text, TEXT, FRESH)
    response.status_code = 404
    return response


@public
@require_safe
def tile(_request: HttpRequest, level: str, rest: str, suite: Suite = SHA256) -> HttpResponse:
    """Give a tile of hashes or a bundle of entries; it never changes once it exists."""
    body = serving.tile_bytes(level, rest, suite)
    if body is None:
        return _stated_missing("没有这个文件\n")
    return _stated(body, BYTES, IMMUTABLE)


@public
@require_safe
def keys(_request: HttpRequest) -> HttpResponse:
    """Give the verification keys the log introduced, one per line."""
    lines = [each.text + "\n" for each in exploring.verification_keys()]
    return _stated("".join(lines), TEXT, FRESH) if lines else _stated_missing("尚无验证密钥\n")


@public
@require_safe
def policy(_request: HttpRequest) -> HttpResponse:
    """Give the trust policy: the keys of this log, its witnesses, and the quorum."""
    text = witnessing.policy(exploring.verification_keys()).text
    return _stated(text.encode("utf-8", "surrogateescape"), TEXT, FRESH)


@public
@require_safe
def prove(request: HttpRequest) -> HttpResponse:
    """Give one entry with the proof that it lies in the log, as JSON."""
    index = serving.whole_number(request.GET.get("index"))
    size = serving.whole_number(request.GET.get("size"))
    if index is None or (size is None and "size" in request.GET):
        return _json({"error": "请给出条目序号，例如 ?index=0；size 可省略。"}, 400)
    proven = proof(index, size)
    if proven is None:
        return _json({"error": "没有这一条，或日志没有这么大。"}, 404)
    return _json(serving.proof_as_dict(proven), 200)


def _json(content: dict[str, object], status: int) -> HttpResponse:
    response = JsonResponse(content, status=status, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"] = "*"
    return response


@public
@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Show the newest checkpoint and entries; search by index, id or type."""
    words = request.GET.get("q", "").strip()[:100]
    kind = request.GET.get("type", "").strip()[:60]
    before = serving.whole_number(request.GET.get("before"))
    missing = False
    if words:
        found = exploring.find(words)
        if found is not None:
            return redirect("log_entry", index=found)
        missing = True
    lines = exploring.lines(kind=kind, before=before)
    return render(
        request,
        "public/log.html",
        {
            "checkpoint": latest_checkpoint(),
            "health": exploring.health(lines),
            "lines": lines,
            "types": exploring.types(),
            "kind": kind,
            "words": words,
            "missing": missing,
            "older": lines[-1].index if len(lines) == exploring.PAGE and lines[-1].index else None,
            "begun": before is not None,
        },
    )


@public
@require_safe
def entry(request: HttpRequest, index: int) -> HttpResponse:
    """Show one entry, what it says, and the proof that it lies in the log."""
    shown = exploring.show(index) if index < 2**63 else None
    if shown is None:
        raise Http404("no such entry")
    return render(
        request,
        "public/log_entry.html",
        {
            "shown": shown,
            "entry": shown.entry,
            "proof": shown.proof,
            "hashes": [each.hex() for each in shown.proof.hashes],
            "leaf": shown.proof.leaf_hash.hex(),
            "last": shown.proof.size - 1,
        },
    )


urlpatterns = [
    path("", explorer, name="log"),
    path("entries/<int:index>/", entry, name="log_entry"),
    path("checkpoint", checkpoint, name="log_checkpoint"),
    path("tile/<str:level>/<path:rest>", tile, name="log_tile"),
    path("checkpoint.sm", checkpoint, {"suite": SM3}, name="log_checkpoint_sm"),
    path("sm3/tile/<str:level>/<path:rest>", tile, {"suite": SM3}, name="log_tile_sm3"),
    path("key", keys, name="log_key"),
    path("policy", policy, name="log_policy"),
    path("proof", prove, name="log_proof"),
]
