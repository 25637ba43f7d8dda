"""The schemes of the story: each goes through review and consultation before it is published."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.management.demonstration.cast import Cast, later, when
from ledger.refusals import Broken
from vouchers import consulting, editing, programming
from vouchers.models import Consultation, Programme

FOLDER = Path(settings.BASE_DIR) / "vouchers" / "editions"
COMPUTE = FOLDER / "putuo-demo-2026.toml"
MODEL = FOLDER / "putuo-model-demo-2026.toml"
CORPUS = FOLDER / "putuo-corpus-demo-2026.toml"


def written_otherwise(name: str, changes: Iterable[tuple[str, str]]) -> Path:
    """Write the compute edition with some words replaced next to what the story leaves behind.

    Raises:
        Broken: the edition does not say one of the words exactly once.
    """
    text = COMPUTE.read_text(encoding="utf-8")
    for old, new in changes:
        if text.count(old) != 1:
            raise Broken(f"the demonstration's edition does not say {old!r} once")
        text = text.replace(old, new)
    path = Path(settings.VAR_DIR) / "demo" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def consult(cast: Cast, edition: Path, begun: datetime) -> Consultation:
    """Take an edition file to its public consultation, two days after it was drafted."""
    clerk, chief = cast.actor("reviewer"), cast.actor("approver")
    text = edition.read_text(encoding="utf-8")
    programme = programming.load_edition(text, actor=clerk, at=begun)
    programme = consulting.propose_edition(programme, actor=clerk, at=later(begun, minutes=5))
    for kind, said in (
        ("legality", "制定主体适格，内容不违反上位法，同意（演示）。"),
        ("competition", "未发现排除、限制竞争的内容，同意（演示）。"),
    ):
        consulting.record_opinion(
            programme,
            kind,
            "pass",
            text=said,
            document_no="普司审演〔2026〕8号（演示）",
            actor=chief,
            at=begun + timedelta(days=1),
        )
    return consulting.open_consultation(
        programme,
        days=30,
        notice="为降低中小企业用算成本，现就方案公开征求意见。联系人：张三（演示）。",
        actor=clerk,
        at=begun + timedelta(days=2),
    )


def publish(cast: Cast, edition: Path, document_no: str, at: datetime) -> Programme:
    """Take an edition file through review and consultation to its publication at ``at``."""
    chief = cast.actor("approver")
    consultation = consult(cast, edition, at - timedelta(days=33))
    consulting.answer_consultation(
        consultation,
        summary="征求意见期间没有收到修改意见（演示）。",
        actor=chief,
        at=max(consultation.ends_at, later(at, minutes=-10)),
    )
    programme = Programme.objects.get(pk=consultation.programme_id)
    return programming.publish_edition(programme, document_no=document_no, actor=chief, at=at)


def one_in_consultation(cast: Cast) -> tuple[str, str]:
    """Leave one draft open for comments today; return (what it shows, who acts next)."""
    consultation = consult(cast, CORPUS, when("2026-11-18 09:00"))
    return (
        f"{consultation.programme}（征求意见稿）",
        f"任何人可在“政策方案”页提出意见，{consultation.last_day} 截止后以 approver 登录答复、发布",
    )


def one_in_drafting(cast: Cast, programme: Programme) -> tuple[str, str]:
    """Leave the next edition of a scheme as a draft; return (what it shows, who acts next)."""
    told: dict[str, Any] = {"actor": cast.actor("reviewer"), "at": when("2026-11-19 10:00")}
    draft = editing.copy_edition(
        programme, slug=programme.slug, title=programme.title, kind=programme.kind, **told
    )
    for chapter, change in (
        ("ratio", {"base_bp": 2500, "max_bp": 3500}),
        ("caps", {"enterprise_year": "400000.00"}),
    ):
        content = draft.rules[chapter] | change
        draft = editing.revise_chapter(draft, chapter, content, digest=draft.digest, **told)
    return (f"{draft}（草拟）", "以 reviewer 登录编辑、比较、用历史申请测算，然后送审")
