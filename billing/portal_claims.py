"""Door: an enterprise's claim on a statement that it paid first: papers, hand in, outcome."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import pages, pages_answers, settling
from billing.forms_answers import PaperForm, uploads_of
from billing.models import Claim, Statement
from billing.settling.claim_clock import LEAST_DAYS, claim_until
from ledger import clock
from ledger.refusals import Refused
from vouchers.seats import actor_at, enterprise_member

ADMIN = "enterprise_admin"
CONFLICT = 409


def _own(request: HttpRequest, pk: UUID) -> Statement:
    return pages.own_statement(request.seat.enterprise, pk)  # type: ignore[attr-defined]


def _claim(statement: Statement) -> Claim | None:
    return statement.claims.with_parties().order_by("-opened_at").first()


@require_GET
@enterprise_member()
def claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the claim on a statement, or how to begin one."""
    return _page(request, _own(request, pk), None)


def _page(
    request: HttpRequest, statement: Statement, form: PaperForm | None, status: int = 200
) -> HttpResponse:
    found = _claim(statement)
    parties = {"payer": statement.enterprise.name, "payee": statement.provider.name}
    context = {
        "statement": statement,
        "until": claim_until(statement) if statement.by_claim else None,
        "waits": statement.objections.filter(state="open").exists(),
        "least_days": LEAST_DAYS,
        **(pages_answers.claim_page(found) if found else {}),
        "form": form or PaperForm(initial=parties),
        "editable": found is not None and found.state in ("draft", "supplement"),
        "may_open": statement.by_claim and (found is None or found.state == "refused"),
    }
    return render(request, "portal/claim.html", context, status=status)


@require_POST
@enterprise_member()
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin a claim."""
    statement = _own(request, pk)
    try:
        settling.open_claim(statement, actor=actor_at(request), at=clock.now())
    except Refused as refused:
        pages.told(request, refused)
    return redirect("portal_claim", pk=pk)


@require_POST
@enterprise_member()
def add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add an invoice or a bank receipt with its file."""
    statement = _own(request, pk)
    found = _claim(statement)
    if found is None:
        raise Http404
    form = PaperForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            (upload,) = uploads_of(form.cleaned_data["file"])
            settling.add_paper(found, form.paper(), upload, actor=actor_at(request), at=clock.now())
            messages.success(request, "凭据已添加。")
            return redirect("portal_claim", pk=pk)
        except Refused as refused:
            refused.put_on(form)
    return _page(request, statement, form, CONFLICT)


@require_POST
@enterprise_member()
def drop(request: HttpRequest, pk: UUID, paper_pk: UUID) -> HttpResponse:
    """Take a paper out of a draft."""
    found = _claim(_own(request, pk))
    paper = found.papers.filter(pk=paper_pk).first() if found else None
    if paper is None:
        raise Http404
    try:
        settling.drop_paper(paper, actor=actor_at(request), at=clock.now())
        messages.success(request, "凭据已移除。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("portal_claim", pk=pk)


@require_POST
@enterprise_member(ADMIN)
def submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand the claim in; only the administrator binds the enterprise."""
    found = _claim(_own(request, pk))
    if found is None:
        raise Http404
    try:
        settling.submit_claim(found, actor=actor_at(request), at=clock.now())
        messages.success(request, "核销申请已提交，结果会在消息和这里告诉您。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("portal_claim", pk=pk)


urlpatterns = [
    path("<uuid:pk>/claim/", claim, name="portal_claim"),
    path("<uuid:pk>/claim/begin/", begin, name="portal_claim_begin"),
    path("<uuid:pk>/claim/papers/", add, name="portal_claim_add"),
    path("<uuid:pk>/claim/papers/<uuid:paper_pk>/drop/", drop, name="portal_claim_drop"),
    path("<uuid:pk>/claim/submit/", submit, name="portal_claim_submit"),
]
