"""What an application must satisfy before an act goes on; each gate refuses with a sentence.

Gates look, they never write.
"""

import hashlib
from datetime import datetime

from ledger.actors import Actor
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers.facts import missing_evidence
from vouchers.models import Application, Enterprise, EnterpriseSeat, Programme
from vouchers.questions import STEPS
from vouchers.rulebook import Edition, Window

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


def once_per_window(application: Application, window: Window) -> None:
    """Refuse a second application in one window."""
    other = (
        application.enterprise.applications.filter(
            programme=application.programme, window_no=window.no
        )
        .exclude(pk=application.pk)
        .exclude(state=Application.State.WITHDRAWN)
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


def in_good_standing(enterprise: Enterprise) -> None:
    """Refuse a suspended enterprise."""
    if enterprise.state == Enterprise.State.SUSPENDED:
        raise Refused("enterprise_suspended", "企业资格已暂停，暂不能申请。请联系区数据局。")


def entitled(enterprise: Enterprise, actor: Actor) -> None:
    """Refuse anybody but an administrator of the enterprise."""
    seats = enterprise.seats.filter(active=True, role=EnterpriseSeat.Role.ADMIN)
    if not any(str(each.user_id) == actor.id for each in seats):
        raise Refused("not_entitled", "提交和撤回须由企业管理员办理，请把页面交给本企业管理员。")


def writable(application: Application) -> None:
    """Refuse to change what was handed in."""
    if application.state not in WRITABLE:
        raise Refused(
            "not_writable",
            f"申请当前为“{application.get_state_display()}”，内容不能再改。"
            "如需更正，请联系受理窗口要求补正。",
        )


def taken(application: Application) -> Application:
    """Lock an application and return it with programme and enterprise."""
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=application.pk)
    )
