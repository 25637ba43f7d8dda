"""Changing the keys of the log: a new one comes, an old one goes, always by two persons.

One person proposes, another natural person confirms; both stand in the log. A new key is signed
for by one that counts already, then both sign every checkpoint until the old one is retired. The
rule by which a verifier judges all this is ``ledger.epochs``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction

from ledger import audit, models
from ledger.actors import Actor
from ledger.entries import CONTINUE_TYPE, KEY_TYPE, PROPOSE_TYPE, RETIRE_TYPE, decode
from ledger.epochs import KINDS, suite_of
from ledger.keys import described, endorsement, key_history, key_named, key_store
from ledger.refusals import Refused
from ledger.signing import Algorithm, NoteError, TreeHead, VerificationKey, open_all

#: A proposal that nobody confirmed in this time has to be made again.
PROPOSAL_HOLDS = timedelta(days=7)


@transaction.atomic
def propose_key(algorithm: Algorithm, reason: str, *, actor: Actor, at: datetime) -> audit.Entry:
    """Make a new key of a kind and propose it as the log's; nothing is signed with it yet.

    Writes: the key where ``LOG_SIGNER`` says; one ``key.propose`` entry.

    Raises:
        Refused: not a person, no reason, or no key of this kind to take over from.
        Broken: the place of keys does not answer.
    """
    _check_person(actor)
    _check_reason(reason)
    if not any(each.algorithm is algorithm for each in _lasting()):
        raise Refused("no_such_key", "日志还没有这种算法的密钥：请先运行 make_log_key。")
    key = key_named(algorithm, key_store().make(algorithm))
    return _propose(KEY_TYPE, key, reason, actor=actor, at=at)


@transaction.atomic
def propose_retirement(key_id: str, reason: str, *, actor: Actor, at: datetime) -> audit.Entry:
    """Propose that a key stops signing.

    Writes: one ``key.propose`` entry.

    Raises:
        Refused: not a person, no reason, no such key, or the last one of its tree.
    """
    _check_person(actor)
    _check_reason(reason)
    key = next((each for each in _lasting() if each.key_id.hex() == key_id), None)
    if key is None:
        raise Refused("no_such_key", f"没有标识为 {key_id} 的在用密钥。")
    _check_another_stays(key)
    return _propose(RETIRE_TYPE, key, reason, actor=actor, at=at)


@transaction.atomic
def confirm_proposal(proposal: UUID, *, actor: Actor, at: datetime) -> VerificationKey:
    """Confirm what somebody else proposed: the key counts, or stops, from this entry on.

    Writes: one ``key.introduce`` or ``key.retire`` entry with both approvals.

    Raises:
        Refused: no such proposal, too old, done already, or not by another natural person.
        Broken: no key that counts can speak for what is done.
    """
    audit.lock_keys()
    entry = _proposal(proposal)
    body = entry["body"]
    act, key = body["act"], VerificationKey.parse(body["vkey"])
    _check_confirming(entry, actor, at)
    history = key_history()
    known = history.span_of(key.text)
    if (act == KEY_TYPE) is (known is not None) or (known is not None and known.last is not None):
        raise Refused("already_done", "这项提议已经办理过。")
    if act == RETIRE_TYPE:
        _check_another_stays(key)
    said = {"reason": body["reason"], "endorsement": endorsement(act, key, history=history, at=at)}
    audit.record(
        act,
        described(key) | said,
        actor=actor,
        at=at,
        auth={"approvals": [entry["actor"], actor.for_log()]},
        links=(proposal,),
    )
    return key


@transaction.atomic
def continue_log(
    note: str,
    keys: list[VerificationKey],
    reason: str,
    *,
    second: Actor,
    actor: Actor,
    at: datetime,
) -> audit.Entry:
    """Bind this new log to the last good checkpoint of one whose key was lost or stolen.

    Args:
        note: that checkpoint, as witnesses and time stamps have fixed it.
        keys: verification keys of the old log, from elsewhere.
        second: the other person who decides.

    Writes: one ``log.continue`` entry.

    Raises:
        Refused: not two persons, no reason, the checkpoint does not hold, or it is bound already.
    """
    _check_reason(reason)
    for each in (actor, second):
        _check_person(each)
    if actor.person == second.person:
        raise Refused("same_person", "续接日志须由两个不同的自然人办理。")
    head = _old_head(note, keys)
    if models.LogEntry.objects.filter(type=CONTINUE_TYPE).exists():
        raise Refused("already_done", "本日志已经续接过一份旧日志。")
    body = {
        "origin": head.origin,
        "size": str(head.size),
        "root": head.root.hex(),
        "checkpoint": note,
        "vkeys": [each.text for each in keys],
        "reason": reason.strip(),
    }
    auth = {"approvals": [actor.for_log(), second.for_log()]}
    return audit.record(CONTINUE_TYPE, body, actor=actor, at=at, auth=auth)


def _old_head(note: str, keys: list[VerificationKey]) -> TreeHead:
    try:
        head = TreeHead.parse(open_all(note, keys))
    except NoteError as error:
        raise Refused("bad_checkpoint", f"旧日志的检查点不成立：{error}") from error
    if head.origin == settings.LOG_ORIGIN or any(each.name != head.origin for each in keys):
        raise Refused("same_log", "续接的须是另一份日志：请先更换 LOG_ORIGIN，并核对验证密钥。")
    return head


def _propose(
    act: str, key: VerificationKey, reason: str, *, actor: Actor, at: datetime
) -> audit.Entry:
    body = described(key) | {"act": act, "reason": reason.strip()}
    return audit.record(PROPOSE_TYPE, body, actor=actor, at=at)


def _proposal(proposal: UUID) -> Mapping[str, Any]:
    row = models.LogEntry.objects.filter(id=proposal, type=PROPOSE_TYPE).first()
    if row is None:
        raise Refused("no_such_proposal", "没有这项提议：请核对编号。")
    return decode(bytes(row.body))


def _check_confirming(entry: Mapping[str, Any], actor: Actor, at: datetime) -> None:
    _check_person(actor)
    proposed_at = datetime.fromisoformat(entry["at"])
    if at > proposed_at + PROPOSAL_HOLDS:
        raise Refused("proposal_too_old", "这项提议已超过七天，请重新提出。")
    person = _person_of(entry["actor"]["id"])
    if not person:
        raise Refused("proposer_unknown", "提议人的账号已停用或不存在，请重新提出。")
    if person == actor.person:
        raise Refused("same_person", "提议与确认须由两个不同的自然人办理。")


def _person_of(account: str) -> str:
    try:
        user = get_user_model().objects.filter(pk=account, is_active=True).first()
    except (ValueError, ValidationError):
        return ""
    return str(getattr(user, "person_hash", ""))


def _check_person(actor: Actor) -> None:
    if actor.kind != "user" or not actor.person:
        raise Refused("not_a_person", "更换日志密钥须由登记了自然人的账号办理。")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("reason_missing", "请写明更换密钥的原因。", field="reason")


def _check_another_stays(key: VerificationKey) -> None:
    first = KINDS[suite_of(key.algorithm)][0]
    if not any(each != key and each.algorithm is first for each in _lasting()):
        raise Refused("last_key", "这是该日志树唯一的签名密钥：请先引入新密钥，再停用旧密钥。")


def _lasting() -> list[VerificationKey]:
    history = key_history()
    return [each for suite in KINDS for each in history.lasting(suite)]
