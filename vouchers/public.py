"""Door for anybody: public notices of proposed support, and objections to them."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.actors import system_actor
from ledger.refusals import Refused
from ledger.rights import public
from vouchers import pages_objection
from vouchers.downloads import file_response
from vouchers.forms_case import ObjectionForm
from vouchers.letters import file_of, notice_list
from vouchers.models import NoticeObjection, PublicNotice
from vouchers.objecting import Objector, object_to_notice
from vouchers.pages import all_notices

REFUSED = 409
INVALID = 422


@public
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """List all public notices, the newest first."""
    page = Paginator(all_notices(), 20).get_page(request.GET.get("page"))
    return render(request, "public/notice_list.html", {"page_obj": page})


@public
@require_GET
def notice(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one notice with its lines: enterprise and amount, nothing personal."""
    found = get_object_or_404(all_notices(), pk=pk)
    items = found.items.select_related("application__enterprise")
    context = {
        "notice": found,
        "items": items,
        "total_fen": sum(each.amount_fen for each in items),
        "running": clock.now() < found.ends_at,
        "printed": notice_list(found),
    }
    return render(request, "public/notice.html", context)


@public
@require_GET
def notice_file(request: HttpRequest, pk: str) -> HttpResponse:
    """Give out the printed list of a notice."""
    written = notice_list(get_object_or_404(all_notices(), pk=pk))
    if written is None:
        raise Http404
    return file_response(request, file_of(written), f"{written.number}.pdf", "application/pdf")


@public
@require_http_methods(["GET", "POST"])
def object_to(request: HttpRequest, pk: str) -> HttpResponse:
    """Take an objection to one line of a notice, by real name, until the last midnight."""
    found = get_object_or_404(all_notices(), pk=pk)
    lines = pages_objection.lines_to_object(found)
    form, status = ObjectionForm(lines, request.POST or None, request.FILES or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                made = _object(found, form)
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                address = reverse("notice_object", args=[found.pk])
                return redirect(f"{address}?received={made.objection_no}")
    context = {
        "notice": found,
        "form": form,
        "running": clock.now() < found.ends_at and bool(lines),
        "receipt": pages_objection.receipt(found, request.GET.get("received", "")),
    }
    return render(request, "public/object.html", context, status=status)


def _object(notice: PublicNotice, form: ObjectionForm) -> NoticeObjection:
    told = dict(form.cleaned_data)
    item = get_object_or_404(notice.items, pk=told.pop("item"))
    key, chosen = told.pop("key"), told.pop("file")
    if chosen:
        told |= {"file_name": chosen.name or "", "file": chosen.read()}
    actor = system_actor("public-objection")
    return object_to_notice(item, Objector(**told), actor=actor, at=clock.now(), key=key)


urlpatterns = [
    path("notices/", notices, name="notices"),
    path("notices/<uuid:pk>/", notice, name="notice"),
    path("notices/<uuid:pk>/object/", object_to, name="notice_object"),
    path("notices/<uuid:pk>.pdf", notice_file, name="notice_file"),
]
