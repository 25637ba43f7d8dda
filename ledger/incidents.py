"""When a check of the books finds something: an incident, safe mode, and its end by two people.

Safe mode is nothing but an open incident. While it lasts, nothing is redeemed, settled or paid
(``ledger.book`` refuses); holds, releases and everything else go on. Every nightly check leaves
its result in the signed log, whether it found something or not.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.bookkeeping import rows
from ledger.entries import canonical, decode
from ledger.models import Incident, IncidentClosing, IncidentRequest, LogEntry
from ledger.refusals import Refused

RESULT_TYPE = "audit.result"
#: One incident at a time: the number of its advisory lock ("inci" in ASCII).
_LOCK = 0x696E6369
LONGEST_REASON = 1000
SHOWN = 30


class Found(Protocol):
    """One thing that should not be, as a check tells it."""

    @property
    def name(self) -> str:
        """Return the rule that does not hold."""

    def as_dict(self) -> dict[str, str]:
        """Return name, subject and detail."""


@dataclass(frozen=True)
class Result:
    """What one check of the books came to, as it stands in the signed log."""

    at: datetime
    checked: int
    findings: int
    digest: str
    names: list[str]


def safe_mode() -> bool:
    """Say whether an incident is open."""
    return bool(rows("SELECT ledger_safe_mode()")[0][0])


@transaction.atomic
def keep_result(
    found: Sequence[Found], checked: int, *, actor: Actor, at: datetime
) -> Incident | None:
    """Write what a check of the books came to into the log; open an incident if it found anything.

    Args:
        checked: how many rules were checked.

    Returns:
        The incident that is open now, None when the books are whole and nothing is open.
    Writes: one log entry ``audit.result``; an incident and ``incident.open`` when something was
        found and no incident is open yet.
    """
    body = {"checked": str(checked), **_told(found)}
    audit.record(RESULT_TYPE, body, actor=actor, at=at)
    if found:
        return open_incident(found, actor=actor, at=at)
    return Incident.objects.open().first()


@transaction.atomic
def open_incident(found: Sequence[Found], *, actor: Actor, at: datetime) -> Incident:
    """Open an incident, and with it safe mode; while one is open, that one is the answer.

    Writes: one incident with its findings, one log entry.
    """
    rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)
    known = Incident.objects.open().first()
    if known is not None:
        return known
    incident = Incident(
        opened_at=at,
        opened_by=actor.for_log(),
        findings=[each.as_dict() for each in found],
        digest=digest_of(found),
    )
    body = {"incident": str(incident.pk), **_told(found)}
    incident.entry_id = audit.record("incident.open", body, actor=actor, at=at).id
    incident.save(force_insert=True)
    return incident


@transaction.atomic
def ask_to_close(incident: Incident, *, reason: str, actor: Actor, at: datetime) -> IncidentRequest:
    """Ask for the end of safe mode, with the reason why that is safe; another person confirms.

    Writes: one request. The log hears of it with the confirmation.

    Raises:
        Refused: no reason, closed already, or nobody in particular asks.
    """
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise Refused(
            "reason_needed",
            "请写明已查清的原因和处理结果（1 至 1000 字）。",
            field="reason",
        )
    _need_open(incident)
    if not actor.person:
        raise Refused("same_person", "解除安全模式须由两个自然人办理。")
    return IncidentRequest.objects.create(
        incident=incident,
        reason=reason,
        asked_at=at,
        asked_by=actor.for_log(),
        asked_name=actor.name,
        asked_person=actor.person,
    )


@transaction.atomic
def close_incident(
    request: IncidentRequest, *, digest: str, actor: Actor, at: datetime
) -> IncidentClosing:
    """End safe mode: another natural person than the one who asked confirms.

    Args:
        digest: of the findings as they were shown.

    Writes: the closing, one log entry with both persons' accounts.

    Raises:
        Refused: the same person, another incident than the one shown, or closed already.
    """
    rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)
    incident = request.incident
    _need_open(incident)
    if not actor.person or actor.person == request.asked_person:
        raise Refused("same_person", "您是申请人，须由另一自然人确认解除。")
    if digest != incident.digest:
        raise Refused("changed", "核对结果已有变化，请刷新页面重新核对。")
    body = {
        "incident": str(incident.pk),
        "request": str(request.pk),
        "digest": incident.digest,
        "reason_sha256": hashlib.sha256(request.reason.encode()).hexdigest(),
    }
    entry = audit.record(
        "incident.close",
        body,
        actor=actor,
        at=at,
        auth={"approvals": [request.asked_by, actor.for_log()]},
        links=(incident.entry_id,),
    )
    return IncidentClosing.objects.create(
        incident=incident,
        request=request,
        closed_at=at,
        closed_by=actor.for_log(),
        closed_name=actor.name,
        closed_person=actor.person,
        asked_person=request.asked_person,
        entry_id=entry.id,
    )


def digest_of(found: Sequence[Found]) -> str:
    """Return the digest of what was found, in its canonical form."""
    return hashlib.sha256(canonical([each.as_dict() for each in found])).hexdigest()


def open_incidents() -> list[Incident]:
    """Return the incident that keeps the house in safe mode, if there is one."""
    return list(Incident.objects.open())


def past_incidents() -> list[Incident]:
    """Return the last incidents with how they ended."""
    return list(Incident.objects.newest_first()[:SHOWN])


def request_named(pk: UUID) -> IncidentRequest | None:
    """Return one request to end safe mode."""
    return IncidentRequest.objects.select_related("incident").filter(pk=pk).first()


def results() -> list[Result]:
    """Return what the last checks of the books came to, the newest first, from the log."""
    entries = LogEntry.objects.filter(type=RESULT_TYPE).order_by("-seq")[:SHOWN]
    return [_result(each) for each in entries]


def _result(entry: LogEntry) -> Result:
    body: dict[str, Any] = decode(bytes(entry.body))["body"]
    return Result(
        at=entry.at,
        checked=int(body["checked"]),
        findings=int(body["findings"]),
        digest=body["digest"],
        names=list(body["names"]),
    )


def _told(found: Sequence[Found]) -> dict[str, Any]:
    """Return what the public log may know: how many findings, of which rules, their digest."""
    return {
        "findings": str(len(found)),
        "names": sorted({each.name for each in found}),
        "digest": digest_of(found),
    }


def _need_open(incident: Incident) -> None:
    if IncidentClosing.objects.filter(incident=incident).exists():
        raise Refused("already_closed", "该异常已经解除，请刷新页面查看。")
