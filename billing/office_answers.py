"""Door for the bureau: objections by their day, who was not served, proof of service, claims."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, pages, pages_answers, settling
from billing.forms_answers import ClaimForm, ServiceForm, uploads_of
from billing.models import Claim, Statement
from billing.settling.serving import Service
from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
PREPARE = "billing.prepare_settlement"
APPROVE = "billing.approve_settlement"
CHECK, REVIEW = "billing.check_claim", "billing.review_claim"
CONFLICT = 409
#: What may be done with a claim, by its state: the step, its words, the right it needs.
STEPS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "submitted": (
        ("support", "核验相符，拟核销", CHECK),
        ("decline", "核验不符，拟不予核销", CHECK),
        ("supplement", "退回企业补正", CHECK),
        ("suspend", "暂缓办理（调查或司法冻结）", CHECK),
    ),
    "checked": (
        ("agree", "同意核验意见", REVIEW),
        ("send_back", "退回重新核验", REVIEW),
        ("suspend", "暂缓办理（调查或司法冻结）", REVIEW),
    ),
    "suspended": (("resume", "恢复办理", CHECK),),
}


@require_GET
@requires(VIEW)
def open_answers(request: HttpRequest) -> HttpResponse:
    """List what waits: objections by the day they are due, sides that were not served."""
    return render(request, "office/answers.html", pages_answers.open_answers(clock.now()))


def _statement(pk: UUID) -> Statement:
    found = lookup.statement(pk)
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def service_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how a statement reached both sides, and the form to record a service."""
    return _service(request, _statement(pk), ServiceForm())


def _service(
    request: HttpRequest, found: Statement, form: ServiceForm, status: int = 200
) -> HttpResponse:
    context = {
        "statement": found,
        **pages_answers.answers(found, clock.now()),
        "proofs": found.proofs.select_related("file"),
        "form": form,
        "advice": pages_answers.ADVICE,
        "may_serve": request.user.has_perm(PREPARE) or request.user.has_perm(APPROVE),
    }
    return render(request, "office/service.html", context, status=status)


@require_POST
@requires(PREPARE, APPROVE)
def serve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record that a statement was served by a call, a visit or a letter."""
    found = _statement(pk)
    form = ServiceForm(request.POST, request.FILES)
    if form.is_valid():
        said = form.cleaned_data
        files = uploads_of(said["file"])
        told = Service(
            said["side"], said["way"], said["whom"], said["served_at"], said["note"],
            files[0] if files else None,
        )  # fmt: skip
        try:
            settling.record_service(found, told, actor=actor_of(request, "finance"), at=clock.now())
            messages.success(request, "送达已登记，答复期限从送达之日起算。")
            return redirect("office_service", pk=pk)
        except Refused as refused:
            refused.put_on(form)
    return _service(request, found, form, CONFLICT)


@require_GET
@requires(VIEW)
def statement_file(request: HttpRequest, pk: UUID, file_pk: UUID) -> HttpResponse:
    """Give a file about a statement, to be saved."""
    return pages_answers.file_response(request, _statement(pk), file_pk, "")


@require_GET
@requires(VIEW)
def claims(request: HttpRequest) -> HttpResponse:
    """List claims, those that wait first."""
    found = Claim.objects.with_parties().exclude(state="draft").order_by("due_on", "claim_no")
    state = request.GET.get("state", "")
    if state in Claim.State.values:
        found = found.filter(state=state)
    context = {"page_obj": pages.page_of(request, found), "states": Claim.State.choices}
    return render(request, "office/claims.html", context)


def _claim(pk: UUID) -> Claim:
    found = Claim.objects.with_parties().exclude(state="draft").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one claim with its papers, checks and what may be done."""
    found = _claim(pk)
    return _claim_page(request, found, ClaimForm(steps=_steps(request, found)))


def _steps(request: HttpRequest, found: Claim) -> list[tuple[str, str]]:
    return [
        (code, words)
        for code, words, right in STEPS.get(str(found.state), ())
        if request.user.has_perm(right)
    ]


def _claim_page(
    request: HttpRequest, found: Claim, form: ClaimForm, status: int = 200
) -> HttpResponse:
    context = {
        **pages_answers.claim_page(found),
        "form": form,
        "may_act": bool(_steps(request, found)),
        "moves": pages.moves_of(found),
    }
    return render(request, "office/claim.html", context, status=status)


@require_POST
@requires(CHECK, REVIEW)
def claim_act(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Carry out one step on a claim."""
    found = _claim(pk)
    form = ClaimForm(request.POST, steps=_steps(request, found))
    if form.is_valid():
        act = _ACTS[form.cleaned_data["step"]]
        role = "approver" if request.user.has_perm(REVIEW) else "finance"
        try:
            act(found, form.cleaned_data["reason"], actor_of(request, role))
            messages.success(request, "已办理。")
            return redirect("office_claim", pk=pk)
        except Refused as refused:
            refused.put_on(form)
    return _claim_page(request, found, form, CONFLICT)


def _check(support: bool) -> Callable[[Claim, str, Actor], Claim]:
    return lambda found, note, actor: settling.check_claim(
        found, support=support, note=note, actor=actor, at=clock.now()
    )


_ACTS: dict[str, Callable[[Claim, str, Actor], Claim]] = {
    "support": _check(True),
    "decline": _check(False),
    "supplement": lambda found, text, actor: settling.ask_supplement(
        found, text=text, actor=actor, at=clock.now()
    ),
    "suspend": lambda found, reason, actor: settling.suspend_claim(
        found, reason=reason, actor=actor, at=clock.now()
    ),
    "resume": lambda found, reason, actor: settling.resume_claim(
        found, reason=reason, actor=actor, at=clock.now()
    ),
    "agree": lambda found, reason, actor: settling.review_claim(
        found, reason=reason, actor=actor, at=clock.now()
    ),
    "send_back": lambda found, reason, actor: settling.send_back_claim(
        found, reason=reason, actor=actor, at=clock.now()
    ),
}

_ONE = "settlement/statements/<uuid:pk>/"
urlpatterns = [
    path("settlement/answers/", open_answers, name="office_answers"),
    path("settlement/claims/", claims, name="office_claims"),
    path("settlement/claims/<uuid:pk>/", claim, name="office_claim"),
    path("settlement/claims/<uuid:pk>/act/", claim_act, name="office_claim_act"),
    path(_ONE + "service/", service_page, name="office_service"),
    path(_ONE + "service/record/", serve, name="office_serve"),
    path(_ONE + "files/<uuid:file_pk>/", statement_file, name="office_statement_file"),
]
