"""Close a programme's year: what lapsed or was never promised goes back, or on to its successor."""

import dataclasses
import hashlib
from datetime import datetime, timedelta

import rfc8785
from django.db import transaction

from billing.models import Statement, YearEnd
from billing.settling.recovery_postings import book_year_end
from ledger import audit
from ledger.actors import Actor
from ledger.balances import balance, balances
from ledger.chart import budget, clawback_recovered, expired, paid, treasury
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.models import Provider
from vouchers.funding import grant_budget
from vouchers.models import Hold, Programme, Voucher
from vouchers.workdays import end_of

UNSETTLED = ["draft", "in_review", "disputed", "confirmed", "prepared", "approved"]


def annual_figures(programme: Programme) -> dict[str, int]:
    """Return what a programme's books say of its year, in fen.

    ``left`` is what lies in the budget, among the lapsed and the recovered, and may go back.
    """
    slug = programme.slug
    vouchers = list(Voucher.objects.filter(programme__slug=slug))
    spent = balances(
        paid(slug, str(each)) for each in Provider.objects.values_list("pk", flat=True)
    )
    given, lapsed = balance(treasury(slug)), balance(expired(slug))
    unused, back = balance(budget(slug)), balance(clawback_recovered(slug))
    held = balances(each.account for each in vouchers)
    figures = {
        "granted_fen": given.debits_posted,
        "issued_fen": sum(each.face_fen for each in vouchers),
        "paid_fen": sum(each.posted for each in spent.values()),
        "in_vouchers_fen": sum(each.posted for each in held.values()),
        "lapsed_fen": lapsed.credits_posted,
        "returned_fen": given.credits_posted,
        "unused_fen": unused.available,
        "lapsed_left_fen": lapsed.available,
        "recovered_left_fen": back.available,
    }
    left = ("unused_fen", "lapsed_left_fen", "recovered_left_fen")
    return figures | {"left_fen": sum(figures[name] for name in left)}


def standing_in_year_end(programme: Programme, at: datetime) -> list[str]:
    """Return what stands in the way of closing a programme's year, in words; empty when nothing."""
    slug, validity = programme.slug, programme.edition.validity
    tail = end_of(validity.cut_off) + timedelta(days=validity.claim_days)
    found = []
    if at < tail:
        last_day = day_of(tail - timedelta(days=1))
        found.append(f"用券截止日后的结算期到 {last_day} 才届满。")
    if alive := Voucher.objects.filter(programme__slug=slug, state="active").count():
        found.append(f"还有 {alive} 张算力券没有失效或用罄，请等待夜间任务处理。")
    if held := Hold.objects.open().filter(voucher__programme__slug=slug).count():
        found.append(f"还有 {held} 笔占用没有核销或释放。")
    open_statements = Statement.objects.filter(
        voucher__programme__slug=slug, state__in=UNSETTLED
    ).count()
    if open_statements:
        found.append(f"还有 {open_statements} 份对账单没有付清或办结。")
    return found


def digest_of(figures: dict[str, int]) -> str:
    """Return the digest of figures as they were shown."""
    texts = {name: str(value) for name, value in figures.items()}
    return hashlib.sha256(rfc8785.dumps(texts)).hexdigest()


@transaction.atomic
def prepare_year_end(
    programme: Programme,
    *,
    use: str,
    document_no: str,
    successor: Programme | None = None,
    actor: Actor,
    at: datetime,
) -> YearEnd:
    """Put the closing of a programme's year forward; no money moves yet.

    Args:
        use: ``return`` to finance, or ``carry`` on to ``successor``.
        document_no: of the decision.

    Writes: the closing with its figures, log entry. A closing that nobody approved yet is the
        answer when nothing changed since.

    Raises:
        Refused: something is still open, nothing is left, or a value cannot be.
    """
    programme = _taken(programme)
    _judge(programme, use, document_no, successor, at)
    figures = annual_figures(programme)
    digest = digest_of(figures)
    closings = YearEnd.objects.filter(programme=programme).order_by("no")
    waiting = closings.filter(approved_at=None).last()
    if waiting and (waiting.digest, waiting.use) == (digest, use):
        return waiting
    if not figures["left_fen"]:
        raise Refused("nothing_left", "预算、失效额度和追回款都已为零，没有可以退回或结转的资金。")
    closing = YearEnd.objects.create(
        programme=programme,
        no=closings.count() + 1,
        use=use,
        successor=successor,
        document_no=document_no.strip(),
        figures=figures,
        digest=digest,
        returned_fen=figures["left_fen"],
        prepared_at=at,
        prepared_by=dataclasses.asdict(actor),
        prepared_person=actor.person,
    )
    body = {
        "programme": programme.slug,
        "year_end": closing.pk,
        "amount_fen": closing.returned_fen,
        "digest": digest,
    }
    audit.record("budget.prepare_year_end", body, actor=actor, at=at)
    return closing


def _judge(
    programme: Programme, use: str, document_no: str, successor: Programme | None, at: datetime
) -> None:
    if open_things := standing_in_year_end(programme, at):
        raise Refused("year_open", "还不能决算：" + "".join(open_things))
    if use not in YearEnd.Use.values:
        raise Refused("use_unknown", "请选择剩余资金上缴还是结转。", field="use")
    if not 0 < len(document_no.strip()) <= 100:
        raise Refused("document_missing", "请填写决定的文号。", field="document_no")
    if use == YearEnd.Use.CARRY and (successor is None or successor.slug == programme.slug):
        raise Refused("successor_missing", "结转须指明另一个方案。", field="successor")


@transaction.atomic
def approve_year_end(closing: YearEnd, *, digest: str, actor: Actor, at: datetime) -> YearEnd:
    """Approve a closing as another person: what is left goes back, or on to the successor.

    Args:
        digest: of the figures as they were shown.

    Writes: postings (109, 510, 650; and 100 in the successor), the closing, log entry.

    Raises:
        Refused: by the same person, or the books changed since it was prepared.
    """
    programme = _taken(closing.programme)
    closing = YearEnd.objects.select_for_update(of=("self",)).get(pk=closing.pk)
    if closing.approved_at:
        return closing
    if not actor.person or actor.person == closing.prepared_person:
        raise Refused("same_person", "决算由您编制，须由另一人审批。")
    figures = annual_figures(programme)
    if digest != closing.digest or digest_of(figures) != digest:
        raise Refused("changed", "编制之后账面有变化，请重新编制并核对。")
    if standing_in_year_end(programme, at):
        raise Refused("year_open", "又有未办结的事项，请处理后重新编制。")
    asked = Actor(**closing.prepared_by)
    book_year_end(closing, programme.slug, figures, asked=asked, actor=actor, at=at)
    if closing.successor:
        grant_budget(
            closing.successor,
            closing.returned_fen,
            document_no=closing.document_no,
            approved_by=actor,
            actor=asked,
            at=at,
            key=closing.pk,
        )
    closing.approved_at, closing.approved_name = at, actor.name
    closing.approved_person = actor.person
    closing.save()
    audit.record(
        "budget.year_end",
        {
            "programme": programme.slug,
            "year_end": closing.pk,
            "amount_fen": closing.returned_fen,
            "digest": digest,
        },
        actor=actor,
        at=at,
        auth={"approvals": [asked.for_log(), actor.for_log()]},
    )
    return closing


def _taken(programme: Programme) -> Programme:
    return Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
