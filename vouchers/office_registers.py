"""Door for the bureau: registers of other offices, imported in two steps."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_firms, pages_office
from vouchers.forms_firms import ReasonForm, RegisterForm
from vouchers.register_files import KINDS, template
from vouchers.registering import confirm_import, discard_import, prepare_import

REFUSED = 409
INVALID = 422
PAGE = 50
BOM = "\ufeff"  # so that a spreadsheet reads the headings as they are


@requires("vouchers.keep_registers", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def registers(request: HttpRequest) -> HttpResponse:
    """List the imports; take a register file in as a preview."""
    form, status, faults = RegisterForm(), 200, []
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.keep_registers")
        form, status = RegisterForm(request.POST, request.FILES), INVALID
        if form.is_valid():
            name, content = form.content()
            told = form.cleaned_data
            try:
                made = prepare_import(
                    told["register"],
                    content,
                    file_name=name,
                    source=told["source"],
                    as_of=told["as_of"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status, faults = REFUSED, list(refused.details.values())
            else:
                messages.success(request, "已读入，请核对后确认；确认之前不起作用。")
                return redirect("office_register", pk=made.pk)
    page = Paginator(pages_firms.imports(), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "faults": faults,
        "page_obj": page,
        "kinds": pages_firms.register_kinds(),
    }
    return render(request, "office/registers.html", context, status=status)


@requires("vouchers.keep_registers", "vouchers.view_cases")
@require_GET
def register(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an import line by line, with the enterprises it names here."""
    found = get_object_or_404(pages_firms.imports(), pk=pk)
    page = Paginator(found.rows.order_by("line_no"), PAGE).get_page(request.GET.get("page"))
    person = actor_of(request, "reviewer").person
    context = {
        "batch": found,
        "kind": KINDS[found.register],
        "page_obj": page,
        "lines": pages_firms.row_lines(page),
        "own": KINDS[found.register].bars and person == found.prepared_person,
        "form": ReasonForm(),
    }
    return render(request, "office/register.html", context)


@requires("vouchers.keep_registers")
@require_POST
def register_confirm(request: HttpRequest, pk: str) -> HttpResponse:
    """Let a register count."""
    found = get_object_or_404(pages_firms.imports(), pk=pk)
    confirm_import(found, actor=actor_of(request, "approver"), at=clock.now())
    messages.success(request, "名录已确认生效。")
    return redirect("office_register", pk=found.pk)


@requires("vouchers.keep_registers")
@require_POST
def register_discard(request: HttpRequest, pk: str) -> HttpResponse:
    """Drop a register that was prepared."""
    found = get_object_or_404(pages_firms.imports(), pk=pk)
    reason = request.POST.get("reason", "")[:300]
    discard_import(found, reason=reason, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "名录已作废。")
    return redirect("office_registers")


@requires("vouchers.keep_registers", "vouchers.view_cases")
@require_GET
def register_template(_request: HttpRequest, kind: str) -> HttpResponse:
    """Hand out the headings of a register as a file to be filled."""
    if kind not in KINDS:
        raise Http404
    response = HttpResponse(BOM + template(kind), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="register-{kind}.csv"'
    return response


urlpatterns = [
    path("registers/", registers, name="office_registers"),
    path("registers/<uuid:pk>/", register, name="office_register"),
    path("registers/<uuid:pk>/confirm/", register_confirm, name="office_register_confirm"),
    path("registers/<uuid:pk>/discard/", register_discard, name="office_register_discard"),
    path("registers/templates/<slug:kind>.csv", register_template, name="office_register_csv"),
]
