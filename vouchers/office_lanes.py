"""Door for the bureau: the fast lane in batches, and support without application."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_lanes, pages_office
from vouchers.entitling import Brought, import_entitlements
from vouchers.fast_tracking import confirm_fast_batch, open_fast_batch
from vouchers.forms_case import EntitlementForm

REFUSED = 409
INVALID = 422
REVIEW = "vouchers.review_application"


@requires(REVIEW, "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def fast(request: HttpRequest) -> HttpResponse:
    """Show what the machine proposes, and open or confirm a batch."""
    problem, status = "", 200
    chosen = request.POST.getlist("applications")
    if request.method == "POST":
        pages_office.need(request.user, REVIEW)
        deed = {"open": _open, "confirm": _confirm}.get(request.POST.get("deed", ""))
        if deed is None:
            raise Http404
        try:
            messages.success(request, deed(request))
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            return redirect("office_fast")
    context = pages_lanes.fast_page() | {"problem": problem, "chosen": chosen}
    return render(request, "office/fast.html", context, status=status)


@requires(REVIEW, "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def entitlements(request: HttpRequest) -> HttpResponse:
    """Take in a list of enterprises that need not apply, and show what became of each."""
    brought: Brought | None = None
    status = 200
    form = EntitlementForm(
        pages_lanes.programme_choices(), request.POST or None, request.FILES or None
    )
    if request.method == "POST":
        pages_office.need(request.user, REVIEW)
        status = INVALID
        if form.is_valid():
            try:
                brought = _bring(request, form)
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                status = 200
    context = {"form": form, "brought": brought, "offered": pages_lanes.offered()}
    return render(request, "office/entitlements.html", context, status=status)


def _open(request: HttpRequest) -> str:
    found = get_object_or_404(
        pages_lanes.fast_programmes(), pk=pages_office.uuid_or_none(request.POST.get("programme"))
    )
    made = open_fast_batch(found, actor=actor_of(request, "reviewer"), at=clock.now())
    return f"批次 {made.batch_no} 已开，抽查种子的摘要已写入存证日志。"


def _confirm(request: HttpRequest) -> str:
    batch = get_object_or_404(
        pages_lanes.batches(), pk=pages_office.uuid_or_none(request.POST.get("batch"))
    )
    ids = [pages_office.uuid_or_none(each) for each in request.POST.getlist("applications")]
    cases = [each for each in pages_office.visible_cases().filter(pk__in=[i for i in ids if i])]
    made = confirm_fast_batch(batch, cases, actor=actor_of(request, "reviewer"), at=clock.now())
    passed = len(made.cases) - len(made.chosen)
    return f"批次已确认：{passed} 件进入拟支持，{len(made.chosen)} 件抽中全面审核。"


def _bring(request: HttpRequest, form: EntitlementForm) -> Brought:
    told = form.cleaned_data
    found = get_object_or_404(
        pages_lanes.fast_programmes(), pk=pages_office.uuid_or_none(told["programme"])
    )
    return import_entitlements(
        found,
        told["file"],
        document_no=told["document_no"],
        actor=actor_of(request, "reviewer"),
        at=clock.now(),
    )


urlpatterns = [
    path("fast/", fast, name="office_fast"),
    path("entitlements/", entitlements, name="office_entitlements"),
]
