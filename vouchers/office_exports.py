"""Door for the bureau: lists as files - ask with a reason, agree to large ones, download, gone."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_exports, pages_queue
from vouchers.assigning import reviewers
from vouchers.exporting import ask_export, decide_export, path_of
from vouchers.forms_queue import asked_of, kept
from vouchers.reading import note_reading

EXPORT, APPROVE = "vouchers.export_cases", "vouchers.approve_export"
GONE = 410


@requires(EXPORT, APPROVE)
@require_http_methods(["GET", "POST"])
def exports(request: HttpRequest) -> HttpResponse:
    """List what one asked for and what waits for agreement; ask for a list."""
    source = request.POST if request.method == "POST" else request.GET
    query = kept(QueryDict(source.get("query", "")[:2000]))
    _, asked = asked_of(QueryDict(query), reviewers())
    rows = pages_queue.select(asked, request.user, clock.now()).count()
    problem, status = "", 200
    if request.method == "POST":
        pages_exports.need(request.user, EXPORT)
        try:
            made = ask_export(
                query,
                request.POST.get("form", ""),
                rows=rows,
                reason=request.POST.get("reason", ""),
                user=request.user,
                actor=actor_of(request, "reviewer"),
                at=clock.now(),
            )
        except Refused as refused:
            problem, status = refused.message, 409
        else:
            messages.success(request, pages_exports.asked_words(made))
            return redirect("office_exports")
    context = pages_exports.page(request.user, clock.now())
    context |= {"query": query, "rows": rows, "problem": problem, "told": _typed(request)}
    return render(request, "office/exports.html", context, status=status)


@requires(APPROVE)
@require_POST
def decide(request: HttpRequest, pk: str) -> HttpResponse:
    """Agree to a large list, or not."""
    found = pages_exports.export_named(pk)
    if found is None:
        raise Http404
    agree = request.POST.get("decision") == "agree"
    decide_export(found, agree, actor=actor_of(request, "approver"), at=clock.now())
    messages.success(request, "已同意，文件正在生成。" if agree else "已记为不同意，没有生成文件。")
    return redirect("office_exports")


@requires(EXPORT)
@require_GET
def download(request: HttpRequest, pk: str) -> HttpResponse | FileResponse:
    """Give a file to the person who asked for it, while its day lasts."""
    found = pages_exports.export_of(request.user, pk)
    if found is None or not found.ready_at:
        raise Http404
    if found.is_over(clock.now()):
        refused = Refused("export_expired", "文件已超过 24 小时并失效，请重新导出。")
        return render(request, "refused.html", {"refused": refused}, status=GONE)
    note_reading(
        None,
        "export",
        detail=f"{found.export_no} {found.rows} 行",
        actor=actor_of(request, "reviewer"),
        at=clock.now(),
    )
    response = FileResponse(
        path_of(found.stored_name).open("rb"),
        as_attachment=True,
        filename=f"{found.export_no}.{found.form}",
        content_type=pages_exports.TYPES[found.form],
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _typed(request: HttpRequest) -> dict[str, str]:
    """Return what stood in the form, to be shown again beside a refusal."""
    return {name: request.POST.get(name, "") for name in ("form", "reason")}


urlpatterns = [
    path("exports/", exports, name="office_exports"),
    path("exports/<uuid:pk>/decide/", decide, name="office_export_decide"),
    path("exports/<uuid:pk>/file/", download, name="office_export_file"),
]
