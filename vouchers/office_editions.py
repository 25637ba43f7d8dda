"""Door for the bureau: the editor of editions, their comparison, preview and file."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_office, pages_programme
from vouchers.editing import copy_edition, revise_chapter
from vouchers.edition_writer import edition_text
from vouchers.forms_edition import ChapterForm, CopyForm
from vouchers.models import Programme
from vouchers.parameters import BY_CODE, CHAPTERS

REFUSED = 409
LOOK = ("vouchers.open_programme", "vouchers.view_cases")


@requires("vouchers.open_programme")
@require_http_methods(["GET", "POST"])
def copy(request: HttpRequest, pk: str) -> HttpResponse:
    """Begin a new edition or another scheme with the rules of this one."""
    source = _programme(pk)
    initial = {"title": source.title, "slug": source.slug, "kind": source.kind}
    form, status = CopyForm(request.POST or None, initial=initial), 200
    if request.method == "POST" and form.is_valid():
        try:
            made = copy_edition(
                source, **form.cleaned_data, actor=actor_of(request, "reviewer"), at=clock.now()
            )
        except Refused as refused:
            refused.put_on(form)
            status = REFUSED
        else:
            messages.success(request, f"已起草“{made}”，请逐章修改。")
            return redirect("office_edition", pk=made.pk)
    context = {"programme": source, "form": form}
    return render(request, "office/edition_copy.html", context, status=status)


@requires(*LOOK)
@require_GET
def edition(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the chapters of a draft: what each says now, what changed, where to go on."""
    found = _programme(pk)
    other = pages_programme.compared_with(found, "")
    changes = pages_programme.changes(other, found)
    context = {
        "programme": found,
        "other": other,
        "changes": changes,
        "chapters": [
            {
                "chapter": each,
                "changed": sum(change.chapter == each.title for change in changes),
                "url": reverse("office_edition_chapter", args=[found.pk, each.code]),
            }
            for each in CHAPTERS
        ],
    }
    return render(request, "office/edition.html", context)


@requires("vouchers.open_programme")
@require_http_methods(["GET", "POST"])
def chapter(request: HttpRequest, pk: str, code: str) -> HttpResponse:
    """Edit one chapter of a draft."""
    found, part = _programme(pk), BY_CODE.get(code)
    if part is None:
        raise Http404
    standing: Any = found.rules.get(code, [] if part.listed else {})
    if request.method == "GET":
        return _chapter_page(request, found, ChapterForm(part, standing, found.digest))
    form = ChapterForm(part, standing, found.digest, request.POST)
    form.is_valid()
    try:
        revise_chapter(
            found,
            code,
            form.content(),
            digest=request.POST.get("digest", ""),
            actor=actor_of(request, "reviewer"),
            at=clock.now(),
        )
    except Refused as refused:
        form.tell(refused)
        return _chapter_page(request, found, form, status=REFUSED)
    messages.success(request, f"“{part.title}”已保存。")
    if "again" in request.POST:
        return redirect("office_edition_chapter", pk=found.pk, code=code)
    return redirect("office_edition", pk=found.pk)


@requires(*LOOK)
@require_GET
def compare(request: HttpRequest, pk: str) -> HttpResponse:
    """Compare an edition with another, parameter by parameter."""
    found = _programme(pk)
    other = pages_programme.compared_with(found, request.GET.get("with", ""))
    context = {
        "programme": found,
        "other": other,
        "others": pages_office.all_programmes().exclude(pk=found.pk),
        "changes": pages_programme.changes(other, found),
    }
    return render(request, "office/edition_compare.html", context)


@requires(*LOOK)
@require_GET
def preview(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the guide the way the portal would, were this edition published."""
    found = _programme(pk)
    context = {"guide": pages.guide(found, clock.now()), "preview": found}
    return render(request, "portal/home.html", context)


@requires(*LOOK)
@require_GET
def download(_request: HttpRequest, pk: str) -> HttpResponse:
    """Hand out the edition as a file that can be taken in again."""
    found = _programme(pk)
    response = HttpResponse(edition_text(found.rules), content_type="application/toml")
    name = f"{found.slug}-{found.edition_no}.toml"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _chapter_page(
    request: HttpRequest, found: Programme, form: ChapterForm, *, status: int = 200
) -> HttpResponse:
    latest = _programme(str(found.pk))
    stale = status == REFUSED and form.data.get("digest") != latest.digest
    if stale:  # whoever saves again has seen the newest content
        form.data = dict(form.data.items()) | {"digest": latest.digest}
    context = {
        "programme": latest,
        "chapter": form.chapter,
        "form": form,
        "stale": stale,
        "standing": pages_programme.chapter_rows(form.chapter, latest.rules) if stale else [],
        "locked": latest.state != Programme.State.DRAFT,
    }
    return render(request, "office/edition_chapter.html", context, status=status)


def _programme(pk: str) -> Programme:
    found: Programme = get_object_or_404(pages_office.all_programmes(), pk=pk)
    return found


urlpatterns = [
    path("programmes/<uuid:pk>/copy/", copy, name="office_edition_copy"),
    path("programmes/<uuid:pk>/edit/", edition, name="office_edition"),
    path("programmes/<uuid:pk>/edit/<slug:code>/", chapter, name="office_edition_chapter"),
    path("programmes/<uuid:pk>/compare/", compare, name="office_edition_compare"),
    path("programmes/<uuid:pk>/preview/", preview, name="office_edition_preview"),
    path("programmes/<uuid:pk>/file/", download, name="office_edition_file"),
]
