"""What a page of a trace shows, for whoever asks; the same chain for a machine."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from billing.trace import LONGEST_REF, Scope, Trace, trace

NOT_FOUND = 404
_HIGHEST = 6


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _HIGHEST else default


def _asked(request: HttpRequest, scope: Scope) -> tuple[str, Trace | None]:
    ref = request.GET.get("ref", "").strip()[:LONGEST_REF]
    line, page = _number(request.GET.get("line", ""), 0), _number(request.GET.get("page", ""), 1)
    return ref, trace(ref, scope, line=line, page=page) if ref else None


def trace_page(request: HttpRequest, scope: Scope, *, page: str, data: str) -> HttpResponse:
    """Show the chain of the reference asked for, or the box to ask in.

    Args:
        page: name of this page's address; ``data`` of its JSON.
    """
    ref, told = _asked(request, scope)
    context: dict[str, Any] = {
        "ref": ref,
        "told": told,
        "steps": [_shown(each) for each in told.steps] if told else [],
        "trace_url": reverse(page),
        "data_url": reverse(data),
        "missing": bool(ref) and told is None,
    }
    status = NOT_FOUND if context["missing"] else 200
    return render(request, "statement/trace.html", context, status=status)


def trace_data(request: HttpRequest, scope: Scope) -> JsonResponse:
    """Give the chain as JSON; without a reference there is none."""
    ref, told = _asked(request, scope)
    if ref and told is None:
        raise Http404
    plain = (told or Trace("", "")).as_plain()
    return JsonResponse(plain, json_dumps_params={"ensure_ascii": False, "indent": 1})


def _shown(step: Any) -> dict[str, Any]:
    index = step.log_index
    return {
        "step": step,
        "rows": [{"key": key, "value": value} for key, value in step.facts],
        "log_url": reverse("log_entry", args=[index]) if index is not None else "",
    }
