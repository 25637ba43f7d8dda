"""Load, publish, pause and close editions of a programme."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.models import Programme
from vouchers.rulebook_reader import digest_of, parse_edition, read_rules
from vouchers.states import move, write_row


@transaction.atomic
def load_edition(text: str, *, actor: Actor, at: datetime) -> Programme:
    """Take in an edition file as a draft; the same file again gives the same programme.

    Writes: one programme row (or its rules replaced while a draft), one log entry.

    Raises:
        Refused: the file is faulty, or this edition was published with other rules.
    """
    rules = parse_edition(text)
    edition = read_rules(rules)
    digest = digest_of(rules)
    known = (
        Programme.objects.select_for_update(of=("self",))
        .filter(slug=edition.slug, edition_no=edition.edition_no)
        .first()
    )
    if known and known.digest == digest:
        return known
    if known and known.state != Programme.State.DRAFT:
        raise Refused(
            "edition_locked",
            f"方案“{known}”已经发布，规则不能再改。请把 edition_no 加一，作为新版载入。",
            field="edition.edition_no",
        )
    programme = known or Programme(slug=edition.slug, edition_no=edition.edition_no)
    programme.title, programme.kind = edition.title, edition.kind
    programme.rules, programme.digest = rules, digest
    programme.cap_fen = edition.caps.enterprise_year_fen
    programme.save()
    write_row(programme, "load", "载入方案", ("", programme.state), actor=actor, at=at)
    audit.record(
        "programme.load",
        {"programme": programme.pk, "slug": edition.slug, "digest": digest},
        actor=actor,
        at=at,
    )
    return programme


@transaction.atomic
def publish_edition(programme: Programme, *, actor: Actor, at: datetime) -> Programme:
    """Publish an edition; from here on its rules are locked.

    Writes: state row, log entry with the digest of the rules.

    Raises:
        Refused: it is not a draft.
    """
    programme = _taken(programme)
    move(programme, "publish", actor=actor, at=at)
    programme.published_at = programme.locked_at = at
    programme.save()
    audit.record(
        "programme.publish",
        {"programme": programme.pk, "edition": programme.edition_no, "digest": programme.digest},
        actor=actor,
        at=at,
    )
    return programme


def pause_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Stop taking applications for a while; the reason is public."""
    return _turn(programme, "pause", reason, actor, at)


def resume_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Take applications again."""
    return _turn(programme, "resume", reason, actor, at)


def close_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Take no more applications under this edition; issued vouchers live on."""
    return _turn(programme, "close", reason, actor, at)


@transaction.atomic
def _turn(programme: Programme, event: str, reason: str, actor: Actor, at: datetime) -> Programme:
    programme = _taken(programme)
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由，理由会公开。", field="reason")
    move(programme, event, actor=actor, at=at, reason=reason)
    programme.save()
    audit.record(f"programme.{event}", {"programme": programme.pk}, actor=actor, at=at)
    return programme


def _taken(programme: Programme) -> Programme:
    return Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
