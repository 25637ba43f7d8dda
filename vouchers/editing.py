"""Write a new edition: from an existing one, chapter by chapter, judged as a whole each time.

A draft is valid at every moment: what is saved has passed the same reader as a file would.
"""

import copy
import re
from datetime import datetime
from typing import Any

from django.db import transaction

from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.models import Programme
from vouchers.parameters import BY_CODE
from vouchers.programming import keep_draft, taken_programme

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 40
HEAD = "edition"
IDENTITY = ("slug", "edition_no")


@transaction.atomic
def copy_edition(
    source: Programme, *, slug: str, title: str, kind: str, actor: Actor, at: datetime
) -> Programme:
    """Begin a draft with the rules of an edition: the next edition, or another scheme.

    Args:
        source: the edition whose rules are taken over.
        slug: the same slug gives the next edition number, another one a new scheme.
        title: name of the new edition.
        kind: what the vouchers buy.
        actor: who.
        at: when.

    Writes: one programme, state row, log entry.

    Raises:
        Refused: the slug is no slug, or the rules do not hold with this kind.
    """
    source = taken_programme(source)  # two copies at once are numbered one after the other
    slug, title = slug.strip().lower(), title.strip()
    if not SLUG.fullmatch(slug) or len(slug) > LONGEST_SLUG:
        raise Refused(
            "slug_invalid",
            f"方案代号只用小写字母、数字和短横线，最长 {LONGEST_SLUG} 个字符。",
            field="slug",
        )
    if not title:
        raise Refused("title_missing", "请填写方案名称。", field="title")
    newest = Programme.objects.filter(slug=slug).order_by("-edition_no").first()
    rules = copy.deepcopy(source.rules)
    rules[HEAD] |= {
        "slug": slug,
        "edition_no": newest.edition_no + 1 if newest else 1,
        "title": title,
        "kind": kind,
    }
    made = Programme(slug=slug, edition_no=rules[HEAD]["edition_no"])
    return keep_draft(made, rules, f"以“{source}”为底稿起草", actor=actor, at=at)


@transaction.atomic
def revise_chapter(
    programme: Programme,
    chapter: str,
    content: Any,
    *,
    digest: str,
    actor: Actor,
    at: datetime,
) -> Programme:
    """Replace one chapter of a draft; the whole edition is judged before it is kept.

    Args:
        programme: a draft.
        chapter: code of the chapter.
        content: its plain values, the way the file holds them.
        digest: of the rules the editor was looking at.
        actor: who.
        at: when.

    Writes: the rules, state row, log entry with the new digest; nothing when nothing changed.

    Raises:
        Refused: no draft any more, changed by somebody else meanwhile, or a faulty rule.
    """
    programme = taken_programme(programme)
    if programme.state != Programme.State.DRAFT:
        raise Refused(
            "edition_locked",
            f"“{programme}”的状态为“{programme.get_state_display()}”，规则不能再改。"
            "审查或征求意见中的请先退回修改，已经发布的请另起一版。",
        )
    if digest != programme.digest:
        raise Refused(
            "stale_draft",
            "您打开页面之后，方案又被他人修改。您填写的内容还在下面，请与最新内容核对后再保存。",
        )
    rules = copy.deepcopy(programme.rules)
    if chapter == HEAD:
        content = {name: rules[HEAD][name] for name in IDENTITY} | content
    if rules.get(chapter) == content:
        return programme
    rules[chapter] = content
    word = f"修改“{BY_CODE[chapter].title}”"
    return keep_draft(programme, rules, word, actor=actor, at=at)
