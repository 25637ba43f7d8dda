"""What an application must satisfy before an act goes on; each gate refuses with a sentence.

Gates look, they never write.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.actors import Actor
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers import radar, standing
from vouchers.eligibility import is_hard_failure, open_findings
from vouchers.facts import missing_evidence
from vouchers.models import Application, Enterprise, EnterpriseSeat, Programme, Voucher
from vouchers.models.application import GIVEN_UP
from vouchers.questions import BY_CODE, STEPS
from vouchers.rulebook import Edition, Window

UNDER_REVIEW = (Application.State.SUBMITTED, Application.State.ACCEPTED)
WRITABLE = (Application.State.DRAFT, Application.State.SUPPLEMENT)


def declaration_digest(edition: Edition) -> str:
    """Return the digest of the sentences an enterprise declares."""
    text = "\n".join(f"{each.code} {each.text}" for each in edition.declarations)
    return hashlib.sha256(text.encode()).hexdigest()


def open_steps(application: Application) -> list[str]:
    """Return what still has to be done before submission, as titles of the task list."""
    missing = [each.title for each in STEPS if not application.answers.get(each.code)]
    missing += [f"上传材料：{title}" for title in missing_evidence(application)]
    if not application.answers.get("declaration"):
        missing.append("承诺与授权")
    return missing


def not_stale(application: Application, step: str, version: int) -> None:
    """Refuse to write over what somebody else saved on the same page since it was opened."""
    stamps = application.answers.get("_saved", {})
    newer = {
        name: stamp
        for name, stamp in stamps.items()
        if stamp["version"] > version and (name == step or step == "submit")
    }
    if not newer:
        return
    titles = {each.code: each.title for each in STEPS} | {"declaration": "承诺与授权"}
    told = "；".join(
        f"“{titles[name]}”由{stamp['by']}保存" for name, stamp in sorted(newer.items())
    )
    raise Refused(
        "stale_draft",
        f"您打开页面之后，申请内容又被更改：{told}。您填写的内容还在下面，请核对后再保存。",
        details={"version": str(application.version), "changed": ",".join(sorted(newer))},
    )


def complete(application: Application) -> None:
    """Refuse an application with open steps, naming all of them."""
    missing = open_steps(application)
    if missing:
        raise Refused(
            "application_incomplete",
            f"还有 {len(missing)} 项没有完成：{'、'.join(missing)}。请补齐后再提交。",
        )
    if application.answers["declaration"]["digest"] != declaration_digest(
        application.programme.edition
    ):
        raise Refused("declaration_changed", "承诺文本已更新，请重新阅读并勾选。")
    held = next((each for each in application.standing_files if each.scan == "quarantined"), None)
    if held is not None:
        raise Refused(
            "attachment_pending",
            f"材料“{held.file_name}”还在安全检查中，通过后才能提交，请几分钟后再试。",
        )


def once_per_window(application: Application, window: Window) -> None:
    """Refuse a second application in one window."""
    other = (
        application.enterprise.applications.filter(
            programme=application.programme, window_no=window.no
        )
        .exclude(pk=application.pk)
        .exclude(state__in=GIVEN_UP)
        .only("application_no", "state")
        .first()
    )
    if other:
        raise already_applied(other)


def already_applied(known: Application) -> Refused:
    """Return the refusal that names the application there is."""
    if known.state == Application.State.DRAFT:
        return Refused("already_applied", "本企业在这个申报窗口已有一份草稿，请继续填写那一份。")
    return Refused(
        "already_applied",
        f"本企业在这个申报窗口已经申请过（{known.application_no}，"
        f"{known.get_state_display()}），一个窗口只受理一次。请在下个窗口再申请。",
    )


def open_window(programme: Programme, at: datetime) -> Window:
    """Return the window that is open, or refuse with the date of the next one."""
    if programme.state == Programme.State.PAUSED:
        raise Refused("programme_paused", "方案暂停受理，草稿已保留，请留意恢复通知。")
    window = programme.edition.windows.at(at)
    if programme.state == Programme.State.PUBLISHED and window:
        return window
    later = programme.edition.windows.next_after(at)
    told = "本方案已没有后续申报窗口。"
    if later and programme.state == Programme.State.PUBLISHED:
        opens = later.opens_at.astimezone(SHANGHAI)
        told = f"下个窗口 {opens:%Y-%m-%d %H:%M} 开放，草稿已为您保留。"
    raise Refused(
        "window_closed", f"现在不在申报时间内。{told}", clause=programme.edition.windows.clause
    )


def window_to_prepare(programme: Programme, at: datetime) -> Window:
    """Return the window a draft may be prepared for: the open one or the next."""
    windows = programme.edition.windows
    later = windows.next_after(at)
    if programme.state == Programme.State.PUBLISHED and not windows.at(at) and later:
        return later
    return open_window(programme, at)


def in_good_standing(enterprise: Enterprise, action: str = "apply") -> None:
    """Refuse an enterprise whose standing does not allow ``action`` (see ``standing.ACTIONS``)."""
    answer = standing.may(enterprise.state, action, until=enterprise.barred_until)
    if not answer.allowed:
        raise Refused(answer.code, answer.message)


def unrelated(voucher: Voucher, provider_uscc: str) -> None:
    """Refuse to spend a voucher at its own enterprise, or at one of the same group (AF03)."""
    edition = voucher.programme.edition
    path = radar.tie_to(voucher.enterprise, provider_uscc, edition.review.related_party_bp)
    if path:
        raise Refused(
            "provider_related",
            f"不能在关联服务商处用券：{path}。请选择其他服务商；如关系已变更，请联系区数据局更新登记。",
            clause=edition.contract.clause,
        )


def entitled(enterprise: Enterprise, actor: Actor) -> None:
    """Refuse anybody but an administrator of the enterprise."""
    seats = enterprise.seats.filter(active=True, role=EnterpriseSeat.Role.ADMIN)
    if not any(str(each.user_id) == actor.id for each in seats):
        raise Refused("not_entitled", "提交和撤回须由企业管理员办理，请把页面交给本企业管理员。")


def findings_settled(application: Application) -> None:
    """Refuse support while a finding stands that a person has not found met, naming all of them."""
    verdict = application.verdict or {}
    rows = application.decisions.filter(verdict_digest=application.verdict_digest)
    decided = {each.code: each.met for each in rows.order_by("decided_at", "id")}
    standing = open_findings(verdict, decided)
    hard = [each["title"] for each in standing if is_hard_failure(each)]
    if hard:
        raise Refused(
            "verdict_failed",
            f"自动核验有硬性条件不符合：{'、'.join(hard)}。"
            "请要求补正，或建议不予支持；不能建议支持。",
        )
    if standing:
        titles = "、".join(each["title"] for each in standing)
        raise Refused(
            "findings_open",
            f"还有 {len(standing)} 项须人工认定：{titles}。"
            "请先在办件页逐项认定，写明理由和依据，再建议支持。",
        )


def writable(application: Application) -> None:
    """Refuse to change what was handed in."""
    if application.state not in WRITABLE:
        raise Refused(
            "not_writable",
            f"申请当前为“{application.get_state_display()}”，内容不能再改。"
            "如需更正，请联系受理窗口要求补正。",
        )


def opened(application: Application) -> set[str] | None:
    """Return the places that a supplement opened, ``step.field`` or a slot; None is all of them."""
    if application.state != Application.State.SUPPLEMENT:
        return None
    items = application.supplement_items.filter(round_no=application.supplement_rounds)
    return set(items.values_list("place", flat=True)) or None


def only_opened(application: Application, step: str, answers: Mapping[str, Any]) -> None:
    """Refuse to change a question that the supplement did not ask about."""
    places = opened(application)
    if places is None:
        return
    before = application.answers.get(step) or {}
    for question in BY_CODE[step].questions:
        name = question.name
        if f"{step}.{name}" not in places and answers.get(name) != before.get(name):
            raise Refused(
                "field_not_open",
                f"“{question.label}”不在补正事项中，不能更改。请只修改列出的事项；"
                "需要一并更正的，请联系受理窗口。",
                field=name,
            )


def slot_opened(application: Application, slot: str) -> None:
    """Refuse to change a file that the supplement did not ask about."""
    places = opened(application)
    if places is not None and slot not in places:
        raise Refused(
            "file_not_open", "这项材料不在补正事项中，不能更换。请只处理列出的事项。", field="file"
        )


def taken(application: Application, *along: str) -> Application:
    """Lock an application and return it with programme and enterprise.

    Args:
        along: what of it the act only reads, asked once (``attachments``).
    """
    locked = Application.objects.select_for_update(of=("self",)).with_parties()
    return locked.prefetch_related(*along).get(pk=application.pk)


def taken_enterprise(enterprise_id: UUID) -> Enterprise:
    """Lock an enterprise before its application and return what its standing hangs on."""
    locked = Enterprise.objects.select_for_update(of=("self",)).only("state", "barred_until")
    return locked.get(pk=enterprise_id)


def two_persons(actor: Actor, approved_by: Actor) -> None:
    """Refuse a step for which one natural person stands twice, or none can be told."""
    if not actor.person or not approved_by.person or actor.person == approved_by.person:
        raise Refused("same_person", "这一步须由两个人办理：经办人和审批人不能是同一自然人。")
