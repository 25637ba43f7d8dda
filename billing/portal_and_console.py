"""Doors that an enterprise and a provider share; each sees and answers for itself only.

Statements with their objections, papers, claw-backs, accounts, tracing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, own_documents, pages, pages_answers, settling
from billing.clawback_letters import letter_of
from billing.forms_answers import ObjectionForm, uploads_of
from billing.forms_payees import AccountForm
from billing.lookup import party_case, party_cases
from billing.models import Statement
from billing.pages import clawback_page
from billing.pages_payees import payee_context
from billing.pages_trace import trace_data, trace_page
from billing.trace import Scope
from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import View
from providers.seats import actor_at as provider_actor
from providers.seats import provider_member
from vouchers.banking import file_account
from vouchers.downloads import file_response
from vouchers.letters import file_of
from vouchers.seats import actor_at as enterprise_actor
from vouchers.seats import enterprise_member

CONFLICT = 409


@dataclass(frozen=True)
class Side:
    """Whose pages.

    Attributes:
        name: begins addresses and templates.
        party: the field of a seat, and the side on which it answers a statement.
        admin: the role that binds the party (matrix 22).
    """

    name: str
    party: str
    admin: str
    member: Callable[..., Callable[[View], View]]
    actor: Callable[[HttpRequest], Actor]

    def of(self, request: HttpRequest) -> Any:
        """Return the enterprise or provider in whose seat the person sits."""
        return getattr(request.seat, self.party)  # type: ignore[attr-defined]

    def statement(self, request: HttpRequest, pk: UUID) -> Statement:
        """Return one of the party's own statements, or 404."""
        return pages.own_statement(self.of(request), pk)

    def case(self, request: HttpRequest, pk: UUID) -> Any:
        """Return one of the party's own cases that it was told of, or 404."""
        found = party_case(self.of(request), pk)
        if found is None:
            raise Http404
        return found


PORTAL = Side("portal", "enterprise", "enterprise_admin", enterprise_member, enterprise_actor)
CONSOLE = Side("console", "provider", "provider_admin", provider_member, provider_actor)


def listed(side: Side, request: HttpRequest) -> HttpResponse:
    """List a party's statements."""
    party, name = side.of(request), side.name
    waiting = party.statements.waiting_for(side.party).count()
    context = {
        "page_obj": pages.page_of(
            request, party.statements.put_out().with_parties().newest_first()
        ),
        "waiting": f"有 {waiting} 份对账单待贵单位确认。" if waiting else "",
        "reports": lookup.party_reports(party),
        "months": own_documents.months_of(party, f"{name}_month_file"),
        "ask_month": f"{name}_ask_month",
        "paper_file": f"{name}_report_file",
        "statement_url": f"{name}_statement",
        "cases_url": f"{name}_clawbacks",
        "payee_url": f"{name}_payee",
    }
    return render(request, "statement/all.html", context)


def shown(
    side: Side,
    request: HttpRequest,
    found: Statement,
    form: ObjectionForm | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Show one statement with its whole derivation and the form to answer."""
    name, own = side.name, [found.pk]
    binds = request.seat.role == side.admin  # type: ignore[attr-defined]
    context = {
        **pages.statement_page(found),
        **pages_answers.answers(
            found, clock.now(), side=side.party, person=side.actor(request).person
        ),
        "form": form or ObjectionForm.asked(request.GET, found),
        "may_answer": pages.may_answer(found, side.party),
        "may_resolve": False,
        "confirm_url": reverse(f"{name}_statement_confirm", args=own) if binds else "",
        "file_url": f"{name}_statement_file",
        "withdraw_url": f"{name}_statement_withdraw",
        "match_url": reverse(f"{name}_match", args=own),
        "object_url": reverse(f"{name}_statement_object", args=own),
        "papers": lookup.papers_of(found),
        "paper_url": reverse(f"{name}_ask_paper", args=own),
        "paper_file": f"{name}_report_file",
        **more,
    }
    return render(request, f"{name}/statement.html", context, status=status)


def answers(side: Side, page: Callable[..., HttpResponse]) -> list[URLPattern]:
    """Return the addresses where a party confirms a statement or objects to its lines.

    Args:
        page: shows a statement as ``shown`` does, from the request on.
    """
    name = side.name

    @require_POST
    @side.member(side.admin)
    def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
        found, digest = side.statement(request, pk), request.POST.get("digest", "")
        done = partial(settling.confirm_statement, found, digest=digest)
        return _answered(side, request, pk, done, "已确认。")

    @require_POST
    @side.member()
    def dispute(request: HttpRequest, pk: UUID) -> HttpResponse:
        found = side.statement(request, pk)
        form = ObjectionForm(request.POST, request.FILES, statement=found)
        if form.is_valid() and _objected(side, request, found, form):
            return redirect(f"{name}_statement", pk=pk)
        return page(request, found, form, CONFLICT)

    @require_POST
    @side.member()
    def withdraw(request: HttpRequest, pk: UUID, objection_pk: UUID) -> HttpResponse:
        objection = side.statement(request, pk).objections.filter(pk=objection_pk).first()
        if objection is None:
            raise Http404
        reason = request.POST.get("reason", "")
        done = partial(settling.withdraw_objection, objection, reason=reason)
        return _answered(side, request, pk, done, "异议已撤回，这一行按原金额计入。")

    @require_GET
    @side.member()
    def statement_file(request: HttpRequest, pk: UUID, file_pk: UUID) -> HttpResponse:
        found = side.statement(request, pk)
        return pages_answers.file_response(request, found, file_pk, side.party)

    objection = "<uuid:pk>/objections/<uuid:objection_pk>/withdraw/"
    return [
        path("<uuid:pk>/confirm/", confirm, name=f"{name}_statement_confirm"),
        path("<uuid:pk>/object/", dispute, name=f"{name}_statement_object"),
        path(objection, withdraw, name=f"{name}_statement_withdraw"),
        path("<uuid:pk>/files/<uuid:file_pk>/", statement_file, name=f"{name}_statement_file"),
    ]


def _answered(
    side: Side, request: HttpRequest, pk: UUID, act: Callable[..., Any], done: str
) -> HttpResponse:
    """Do what a party says of its statement and go back to it."""
    try:
        act(side=side.party, actor=side.actor(request), at=clock.now())
        messages.success(request, done)
    except Refused as refused:
        pages.told(request, refused)
    return redirect(f"{side.name}_statement", pk=pk)


def _objected(side: Side, request: HttpRequest, found: Statement, form: ObjectionForm) -> bool:
    """Object to a line, or put the refusal on the form."""
    try:
        settling.object_statement(
            found,
            side=side.party,
            ordinal=int(form.cleaned_data["ordinal"]),
            reason=form.cleaned_data["reason"],
            files=uploads_of(form.cleaned_data["file"]),
            actor=side.actor(request),
            at=clock.now(),
        )
    except Refused as refused:
        refused.put_on(form)
        return False
    messages.success(request, "异议已提交，数据局处理后会在这里答复。")
    return True


def papers(side: Side) -> list[URLPattern]:
    """Return the addresses of a party's own documents and files of a month."""
    name = side.name

    @require_GET
    @side.member()
    def report_file(request: HttpRequest, pk: UUID) -> HttpResponse:
        return own_documents.give(side.of(request), pk)

    @require_POST
    @side.member()
    def ask_paper(request: HttpRequest, pk: UUID) -> HttpResponse:
        own_documents.ask_paper(request, side.of(request), pk, side.actor(request), clock.now())
        return redirect(f"{name}_statement", pk=pk)

    @require_POST
    @side.member()
    def ask_month(request: HttpRequest, month: str) -> HttpResponse:
        own_documents.ask_month(request, side.of(request), month, side.actor(request), clock.now())
        return redirect(f"{name}_statements")

    @require_GET
    @side.member()
    def month_file(request: HttpRequest, month: str, table: str, form: str) -> HttpResponse:
        return own_documents.file_of(side.of(request), month, table, form, clock.now())

    return [
        path("reports/<uuid:pk>.pdf", report_file, name=f"{name}_report_file"),
        path("reports/<str:month>/", ask_month, name=f"{name}_ask_month"),
        path("files/<str:month>/<slug:table>.<slug:form>", month_file, name=f"{name}_month_file"),
        path("<uuid:pk>/paper/", ask_paper, name=f"{name}_ask_paper"),
    ]


def clawbacks(side: Side) -> list[URLPattern]:
    """Return the addresses of the cases against a party: read, answer, see how to pay."""
    name = side.name

    def page(
        request: HttpRequest, case: Any, refusal: Refused | None = None, status: int = 200
    ) -> HttpResponse:
        context = {
            **clawback_page(case, clock.now()),
            "refusal": refusal,
            "hear_url": f"{name}_clawback_hear",
            "letter_url": f"{name}_clawback_letter",
            "cases_url": f"{name}_clawbacks",
        }
        return render(request, "clawback/case.html", context, status=status)

    @require_GET
    @side.member()
    def cases(request: HttpRequest) -> HttpResponse:
        context = {"cases": party_cases(side.of(request)), "case_url": f"{name}_clawback"}
        return render(request, "clawback/cases.html", context)

    @require_GET
    @side.member()
    def case_page(request: HttpRequest, pk: UUID) -> HttpResponse:
        return page(request, side.case(request, pk))

    @require_POST
    @side.member()
    def hear(request: HttpRequest, pk: UUID) -> HttpResponse:
        case, words = side.case(request, pk), request.POST.get("statement", "")
        try:
            settling.hear_party(case, statement=words, actor=side.actor(request), at=clock.now())
        except Refused as refused:
            return page(request, case, refused, CONFLICT)
        messages.success(request, "陈述申辩已提交，数据局作出决定时会一并考虑。")
        return redirect(f"{name}_clawback", pk=pk)

    @require_GET
    @side.member()
    def letter(request: HttpRequest, pk: UUID, event: str) -> HttpResponse:
        case = side.case(request, pk)
        try:
            found = letter_of(case, event, actor=side.actor(request), at=clock.now())
        except Refused:
            raise Http404 from None
        return file_response(request, file_of(found), f"{found.number}.pdf", "application/pdf")

    return [
        path("", cases, name=f"{name}_clawbacks"),
        path("<uuid:pk>/", case_page, name=f"{name}_clawback"),
        path("<uuid:pk>/hear/", hear, name=f"{name}_clawback_hear"),
        path("<uuid:pk>/letters/<str:event>.pdf", letter, name=f"{name}_clawback_letter"),
    ]


def payees(side: Side) -> list[URLPattern]:
    """Return the addresses of the account a party is paid to: look, and file one."""
    name = side.name

    def page(request: HttpRequest, form: Any = None, status: int = 200) -> HttpResponse:
        payee = side.of(request)
        context = {
            **payee_context(payee),
            "form": form or AccountForm(initial={"holder": payee.name}),
            "file_url": reverse(f"{name}_payee_file"),
            "may_file": request.seat.role == side.admin,  # type: ignore[attr-defined]
        }
        return render(request, "payee/own.html", context, status=status)

    @require_GET
    @side.member()
    def account(request: HttpRequest) -> HttpResponse:
        return page(request)

    @require_POST
    @side.member(side.admin)
    def file(request: HttpRequest) -> HttpResponse:
        form = AccountForm(request.POST)
        if form.is_valid():
            try:
                payee, said = side.of(request), form.cleaned_data
                file_account(payee, **said, actor=side.actor(request), at=clock.now())
                messages.success(request, "账户已登记，等待数据局核对。")
                return redirect(f"{name}_payee")
            except Refused as refused:
                refused.put_on(form)
        return page(request, form, CONFLICT)

    return [
        path("", account, name=f"{name}_payee"),
        path("file/", file, name=f"{name}_payee_file"),
    ]


def tracing(side: Side) -> list[URLPattern]:
    """Return the addresses that follow an amount to the bytes it rests on."""
    names = {"page": f"{side.name}_trace", "data": f"{side.name}_trace_data"}

    def scope(request: HttpRequest) -> Scope:
        return Scope(**{side.party: side.of(request)})

    @require_GET
    @side.member()
    def page(request: HttpRequest) -> HttpResponse:
        return trace_page(request, scope(request), **names)

    @require_GET
    @side.member()
    def data(request: HttpRequest) -> HttpResponse:
        return trace_data(request, scope(request))

    return [path("", page, name=names["page"]), path("data.json", data, name=names["data"])]
