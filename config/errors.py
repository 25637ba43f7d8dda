"""The pages people see when something did not work: no jargon, what to do, the request's number."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers

PROBLEM_TITLES = {
    400: "请求的格式不对",
    403: "没有权限",
    404: "没有这个地址",
    409: "没有办成，什么都没有改变",
    500: "服务出了问题",
}


def problem(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Return an RFC 9457 problem for a machine that called the API."""
    number = getattr(request, "request_id", "")
    body = {
        "type": "about:blank",
        "title": PROBLEM_TITLES[status],
        "status": status,
        "code": code,
        "detail": detail,
        "instance": f"urn:request:{number}",
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")


def show(
    request: HttpRequest, status: int, template: str, context: dict[str, Any] | None = None
) -> HttpResponse:
    """Return an error page that no cache keeps."""
    response = HttpResponse(render_to_string(template, context, request), status=status)
    add_never_cache_headers(response)
    return response


def _page(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        code = HTTPStatus(status).name.lower()
        return problem(request, status, code, PROBLEM_TITLES[status])
    return show(request, status, f"{status}.html")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be read."""
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer somebody without the right."""
    return _page(request, 403)


def expired_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose protection against forgery does not fit (often: left open too long)."""
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for something that is not there, or not theirs to see."""
    return _page(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer when the fault is ours. Must not fail itself, so it asks nothing of the database."""
    try:
        return _page(request, 500)
    except Exception:
        return HttpResponse("服务出了问题，请过几分钟再试。", status=500)
