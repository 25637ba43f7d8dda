"""Door for the bureau: how the money of a window is divided, and lots drawn for it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_money, pages_office
from vouchers.dividing import commit_seed, confirm_run, drop_run, prepare_run, reveal_seed
from vouchers.models import AllocationRun, DrawSeed, Programme
from vouchers.reserving import reserve_all

REFUSED = 409


@requires("vouchers.decide_application", "vouchers.view_cases")
@require_GET
def allocation(request: HttpRequest, pk: str) -> HttpResponse:
    """Show what is set aside, who waits, and the runs of each window."""
    return _page(request, _programme(pk))


@requires("vouchers.decide_application")
@require_POST
def act(request: HttpRequest, pk: str) -> HttpResponse:
    """Carry out the button that was pressed: each is one act."""
    found = _programme(pk)
    button = BUTTONS.get(request.POST.get("button", ""))
    if button is None:
        return _page(request, found, "请选择要办理的事项。")
    try:
        said = button(request, found, actor_of(request, "approver"))
    except Refused as refused:
        return _page(request, found, refused.message)
    messages.success(request, said)
    return redirect("office_allocation", pk=found.pk)


def _reserve(_request: HttpRequest, found: Programme, actor: Actor) -> str:
    turn = reserve_all(found, actor=actor, at=clock.now())
    return f"本次为 {turn.count} 件申请预留额度，释放 {turn.released} 笔。"


def _commit(request: HttpRequest, found: Programme, actor: Actor) -> str:
    source = request.POST.get("public_source", "")[:200]
    commit_seed(found, _window(request), public_source=source, actor=actor, at=clock.now())
    return "抽签承诺已公布，写入公开日志。"


def _reveal(request: HttpRequest, found: Programme, actor: Actor) -> str:
    seed: DrawSeed = get_object_or_404(found.draw_seeds, window_no=_window(request))
    word = request.POST.get("public_word", "")[:200]
    reveal_seed(seed, public_word=word, actor=actor, at=clock.now())
    return "种子已揭示，任何人都可以复算。"


def _prepare(request: HttpRequest, found: Programme, actor: Actor) -> str:
    run = prepare_run(found, _window(request), actor=actor, at=clock.now())
    return f"已试算 {run.run_no}，须由另一人确认。"


def _confirm(request: HttpRequest, found: Programme, actor: Actor) -> str:
    run = _run(request, found)
    confirm_run(run, digest=request.POST.get("digest", ""), actor=actor, at=clock.now())
    return f"分配 {run.run_no} 已确认，额度已预留。"


def _drop(request: HttpRequest, found: Programme, actor: Actor) -> str:
    run = _run(request, found)
    drop_run(run, actor=actor, at=clock.now())
    return f"试算 {run.run_no} 已作废。"


BUTTONS: dict[str, Callable[[HttpRequest, Programme, Actor], str]] = {
    "reserve": _reserve,
    "commit": _commit,
    "reveal": _reveal,
    "prepare": _prepare,
    "confirm": _confirm,
    "drop": _drop,
}


def _window(request: HttpRequest) -> int:
    text = request.POST.get("window", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000") else 0


def _run(request: HttpRequest, found: Programme) -> AllocationRun:
    key = pages_office.uuid_or_none(request.POST.get("run"))
    run: AllocationRun = get_object_or_404(found.runs, pk=key)
    return run


def _programme(pk: str) -> Programme:
    found: Programme = get_object_or_404(pages_office.all_programmes(), pk=pk)
    return found


def _page(request: HttpRequest, found: Programme, problem: str = "") -> HttpResponse:
    person = actor_of(request, "approver").person
    context = pages_money.allocation_page(found, person, clock.now()) | {"problem": problem}
    status = REFUSED if problem else 200
    return render(request, "office/allocation.html", context, status=status)


urlpatterns = [
    path("programmes/<uuid:pk>/allocation/", allocation, name="office_allocation"),
    path("programmes/<uuid:pk>/allocation/act/", act, name="office_allocation_act"),
]
