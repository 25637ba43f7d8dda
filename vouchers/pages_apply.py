"""What the pages of an application in the making show: task list, changes of others."""

from collections.abc import Mapping

from django.urls import reverse

from vouchers.applying import open_steps
from vouchers.models import Application, Attachment
from vouchers.pages import answers_of, shown_answers
from vouchers.questions import BY_CODE, STEPS, Step, clean_step


def page_tasks(application: Application, codes: list[str]) -> list[dict[str, str]]:
    """Return the pages of the application as items of a task list."""
    items = []
    for code in codes:
        done = bool(application.answers.get(code))
        items.append(
            {
                "title": BY_CODE[code].title,
                "hint": "",
                "url": reverse("application_step", args=[application.pk, code]),
                "status": "已完成" if done else "未完成",
                "colour": "plain" if done else "blue",
            }
        )
    return items


def files_task(application: Application) -> dict[str, str]:
    """Return the item of the task list for files."""
    missing = [each for each in open_steps(application) if each.startswith("上传材料")]
    return {
        "title": "上传材料",
        "hint": f"还缺 {len(missing)} 项必备材料" if missing else "",
        "url": reverse("application_files", args=[application.pk]),
        "status": "未完成" if missing else "已完成",
        "colour": "blue" if missing else "plain",
    }


def finish_tasks(application: Application, missing: list[str]) -> list[dict[str, str]]:
    """Return the last two items: declaring, and checking before submission."""
    declared = bool(application.answers.get("declaration"))
    ready = not missing
    return [
        {
            "title": "承诺与授权",
            "hint": "",
            "url": reverse("application_declare", args=[application.pk]),
            "status": "已完成" if declared else "未完成",
            "colour": "plain" if declared else "blue",
        },
        {
            "title": "核对并提交",
            "hint": "" if ready else "完成以上各项后才能提交",
            "url": reverse("application_check", args=[application.pk]) if ready else "",
            "status": "可以提交" if ready else "暂不能填写",
            "colour": "green" if ready else "grey",
        },
    ]


def steps_done(application: Application) -> int:
    """Return how many of the items are done."""
    done = sum(bool(application.answers.get(each.code)) for each in STEPS)
    done += bool(application.answers.get("declaration"))
    return done + (not any(m.startswith("上传材料") for m in open_steps(application)))


def changed(
    application: Application, step: Step, typed_now: dict[str, str]
) -> list[dict[str, str]]:
    """Return what stands saved now beside what was typed, for the fields that differ."""
    saved = {row["key"]: row["value"] for row in answers_of(application, step)}
    edition = application.programme.edition
    typed, faults = clean_step(step.code, typed_now, edition)
    if faults:
        return []
    mine = shown_answers(step, typed, edition)
    return [
        {"label": row["key"], "saved": saved[row["key"]], "typed": row["value"]}
        for row in mine
        if saved[row["key"]] != row["value"]
    ]


def same_as(there: Mapping[str, Attachment], slot: str, titles: Mapping[str, str]) -> str:
    """Return the title of another slot in which the very same file stands, if there is one."""
    mine = there.get(slot)
    if mine is None:
        return ""
    others = (code for code, each in there.items() if code != slot and each.sha256 == mine.sha256)
    return titles.get(next(others, ""), "")
