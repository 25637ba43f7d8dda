"""Register enterprises, record what is known of them, verify them, seat their people."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import searching
from vouchers.credit_codes import check
from vouchers.facts import STATED
from vouchers.models import Enterprise, EnterpriseFact, EnterpriseSeat
from vouchers.states import move, write_row
from vouchers.wording import clean_name

FACT_YEARS = 1  # a fact is good for twelve months unless an edition says otherwise
GUESSED = "check_failed"


@transaction.atomic
def register_enterprise(
    name: str, uscc: str, *, user: Any = None, insist: bool = False, actor: Actor, at: datetime
) -> Enterprise:
    """Register an enterprise under its credit code; ``user`` becomes its administrator.

    Args:
        name: full name as on the licence.
        uscc: credit code as typed; trimmed and turned to half width, never corrected.
        user: the account that gets the administrator's seat, if any.
        insist: send a code that fails the arithmetic for a check by hand.
        actor: who registers.
        at: when.

    Writes: enterprise, seat, state row, log entry.

    Raises:
        Refused: the name or the code is faulty, or the code is registered already.
    """
    code, flag = _judged_code(uscc, insist=insist)
    try:
        title = clean_name(name)
    except ValueError as error:
        raise Refused("name_invalid", f"企业名称：{error}。", field="name") from error
    _one_realm(user)
    enterprise = _fresh(Enterprise(name=title, uscc=code, uscc_flag=flag, registered_at=at))
    searching.keep(searching.enterprise_entry(enterprise))
    write_row(enterprise, "register", "企业注册", ("", enterprise.state), actor=actor, at=at)
    if user is not None:
        _seat(enterprise, user, EnterpriseSeat.Role.ADMIN)
    audit.record(
        "enterprise.register",
        {"enterprise": enterprise.pk, "uscc": code, "flag": flag},
        actor=actor,
        at=at,
    )
    return enterprise


@transaction.atomic
def record_facts(
    enterprise: Enterprise,
    facts: Mapping[str, Any],
    *,
    source: str,
    as_of: date,
    actor: Actor,
    at: datetime,
) -> list[EnterpriseFact]:
    """Record statements about an enterprise with their source and date; old ones stay.

    A value that is known already with the same source and date is not written twice.

    Writes: one row per new fact, one log entry with the names (never the values).

    Raises:
        Refused: a fact nobody asks for, an unknown source, or a date in the future.
    """
    enterprise = _taken(enterprise)
    unknown = sorted(set(facts) - set(STATED))
    if unknown:
        raise Refused("unknown_fact", f"没有“{unknown[0]}”这一项资料。", field=unknown[0])
    if source not in EnterpriseFact.Source.values:
        raise Refused("unknown_source", "资料来源不在可选范围。", field="source")
    if as_of > day_of(at):
        raise Refused("as_of_future", "资料截至日期不能晚于今天，请更正。", field="as_of")
    rows = [
        EnterpriseFact(
            enterprise=enterprise,
            name=name,
            value=value,
            source=source,
            as_of=as_of,
            expires_on=_a_year_after(as_of),
            recorded_at=at,
            recorded_by=actor.name,
        )
        for name, value in sorted(facts.items())
        if not _known(enterprise, name, value, source, as_of)
    ]
    EnterpriseFact.objects.bulk_create(rows)
    if rows:
        audit.record(
            "enterprise.facts",
            {
                "enterprise": enterprise.pk,
                "facts": [row.name for row in rows],
                "source": source,
                "as_of": as_of.isoformat(),
            },
            actor=actor,
            at=at,
        )
    return rows


@transaction.atomic
def verify_enterprise(
    enterprise: Enterprise, *, evidence: str, actor: Actor, at: datetime
) -> Enterprise:
    """Confirm an enterprise against its licence; ``evidence`` says what was compared.

    Writes: state row, log entry.

    Raises:
        Refused: no evidence named, or it is not waiting for this.
    """
    enterprise = _taken(enterprise)
    if not evidence.strip():
        raise Refused("evidence_missing", "请写明核对了什么证件或登记信息。", field="evidence")
    move(enterprise, "verify", actor=actor, at=at, internal=evidence)
    enterprise.verified_at = at
    enterprise.save()
    audit.record(
        "enterprise.verify",
        {"enterprise": enterprise.pk, "flag": enterprise.uscc_flag},
        actor=actor,
        at=at,
    )
    return enterprise


@transaction.atomic
def add_seat(
    enterprise: Enterprise, user: Any, role: str, *, actor: Actor, at: datetime
) -> EnterpriseSeat:
    """Give a person a seat in an enterprise.

    Writes: seat, log entry.

    Raises:
        Refused: an unknown role.
    """
    enterprise = _taken(enterprise)
    if role not in EnterpriseSeat.Role.values:
        raise Refused("unknown_role", "席位角色不在可选范围。", field="role")
    _one_realm(user)
    seat = _seat(enterprise, user, role)
    audit.record(
        "enterprise.seat",
        {"enterprise": enterprise.pk, "user": str(user.pk), "role": role},
        actor=actor,
        at=at,
    )
    return seat


def _judged_code(uscc: str, *, insist: bool) -> tuple[str, str]:
    """Return (code, flag), or refuse with the likely cause."""
    verdict = check(uscc)
    if verdict.outcome == "ok":
        return verdict.code, ""
    if verdict.outcome == "flag":
        return verdict.code, verdict.reason
    if insist and verdict.may_insist:
        return verdict.code, GUESSED
    raise Refused(f"uscc_{verdict.reason}", verdict.message, clause="GB 32100-2015", field="uscc")


def _fresh(enterprise: Enterprise) -> Enterprise:
    """Save a new enterprise, or say who holds the code already; two at once included."""
    try:
        with transaction.atomic():
            enterprise.save(force_insert=True)
    except IntegrityError as error:
        taken = Enterprise.objects.filter(uscc=enterprise.uscc).first()
        raise Refused(
            "already_registered",
            f"这个代码已由“{taken.name if taken else '其他账号'}”登记。"
            "请联系本企业管理员为您开通席位；如被他人冒用，请致电服务电话申诉。",
            field="uscc",
        ) from error
    return enterprise


def _known(enterprise: Enterprise, name: str, value: Any, source: str, as_of: date) -> bool:
    newest = enterprise.facts.filter(name=name).order_by("-as_of", "-recorded_at", "-id").first()
    if newest is None:
        return False
    return (newest.value, newest.source, newest.as_of) == (value, source, as_of)


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + FACT_YEARS)
    except ValueError:  # 29 February
        return day.replace(year=day.year + FACT_YEARS, day=28)


def _one_realm(user: Any) -> None:
    """Refuse a seat to somebody who works for the bureau: one person, one side of the table."""
    if user is not None and (user.groups.exists() or user.user_permissions.exists()):
        raise Refused(
            "two_realms", "您的账号属于主管部门工作人员，不能登记或代表企业。请使用企业账号。"
        )


def _seat(enterprise: Enterprise, user: Any, role: str) -> EnterpriseSeat:
    seat, _ = EnterpriseSeat.objects.update_or_create(
        user=user, enterprise=enterprise, defaults={"role": role, "active": True}
    )
    return seat


def _taken(enterprise: Enterprise) -> Enterprise:
    return Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
