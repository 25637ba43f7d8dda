"""What one person of the bureau has seen of a case, and whether it changed under a page."""

from datetime import datetime

from ledger.actors import Actor
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers.models import Application, CaseSeen, StateRow


def mark_seen(application: Application, person: str, at: datetime) -> None:
    """Remember that a person has seen the case up to now; no act, nothing hangs on it."""
    if person:
        CaseSeen.objects.update_or_create(
            application=application, person=person, defaults={"seen_at": at}
        )


def stamp(application: Application) -> str:
    """Return what a page of a case is stamped with: it changes with every move and every reply."""
    moves = StateRow.objects.of(application).count()
    return f"{moves}.{application.joint_replies.count()}.{application.version}"


def unchanged(application: Application, seen: str, reader: Actor, at: datetime) -> None:
    """Refuse to decide on a page that shows less than what is there now.

    Raises:
        Refused: the case moved; the words say who did what, how long ago.
    """
    if not seen or seen == stamp(application):
        return
    behind = int(seen.partition(".")[0]) if seen.partition(".")[0].isdigit() else 0
    rows = list(StateRow.objects.of(application))[behind:]
    told = "；".join(_told(row, reader, at) for row in rows) or "内容有更新"
    raise Refused(
        "case_changed",
        f"您打开页面之后，此办件已有变化：{told}。您填写的内容还在下面，请看过变化后再提交。",
    )


def _told(row: StateRow, reader: Actor, at: datetime) -> str:
    minutes = int((at - row.at).total_seconds() // 60)
    when = f"{minutes} 分钟前" if minutes < 60 else f"{row.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    who = "您" if row.actor_id == reader.id else row.actor_name
    return f"{when}{who}办理了“{row.event_label}”"
