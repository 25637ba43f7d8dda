"""Door for enterprises: the application, page by page, and what became of it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from vouchers import pages, pages_case
from vouchers.applying import (
    accept_declaration,
    attach_file,
    declaration_digest,
    open_steps,
    preview_verdict,
    remove_attachment,
    resubmit_application,
    save_step,
    start_draft,
    submit_application,
)
from vouchers.downloads import attachment_response
from vouchers.evidence import MOST_BYTES, MOST_FILES, MOST_PAGES
from vouchers.facts import award_of, size_of
from vouchers.forms import KeyForm, StepForm, UploadForm
from vouchers.gates import WRITABLE
from vouchers.models import Application, StateRow
from vouchers.pages_apply import changed, files_task, finish_tasks, page_tasks, same_as, steps_done
from vouchers.pages_check import KEPT, carried, checked_before
from vouchers.pages_verdict import verdict_lines, verdict_word
from vouchers.questions import BY_CODE, STEPS, clean_step
from vouchers.seats import actor_at, enterprise_member, refuse_unless_submits, seat_of

REFUSED = 409
INVALID = 422
NO_ROOM = 507
UPLOAD_STATUS = {
    **dict.fromkeys(("file_empty", "file_type", "file_mismatch", "file_locked"), 400),
    **dict.fromkeys(("file_active", "file_pages", "file_pixels", "file_broken"), 400),
    **dict.fromkeys(("file_too_large", "too_many_files", "quota"), 413),
    "disk_full": NO_ROOM,
}
STATUS = {"unknown_field": 400, "answers_invalid": INVALID}
IGNORED = {"csrfmiddlewaretoken", "version", "estimate"}
AFTER = {"enterprise": "contact", "contact": "project", "project": "need"}


@enterprise_member()
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin an application under the scheme chosen, or the one the guide speaks of."""
    programme = pages.chosen_programme(request.POST.get("programme", ""))
    if programme is None:
        raise Http404
    draft = start_draft(
        seat_of(request).enterprise, programme, actor=actor_at(request), at=clock.now()
    )
    return redirect("application_tasks", pk=draft.pk)


@enterprise_member()
@require_GET
def tasks(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the task list of an application."""
    application = _mine(request, pk)
    if application.state not in WRITABLE:
        return redirect("application", pk=application.pk)
    if application.origin == Application.Origin.NO_APPLICATION:
        return redirect("application_entitlement", pk=application.pk)
    missing = open_steps(application)
    context = {
        "application": application,
        "prepare": page_tasks(application, [each.code for each in STEPS]),
        "papers": [files_task(application)],
        "finish": finish_tasks(application, missing),
        "total": len(STEPS) + 2,
        "done": steps_done(application),
        "rows": StateRow.objects.of(application).filter(event="ask_supplement"),
        "items": pages_case.supplement_lines(application),
        "saved": pages_case.saved_words(application, clock.now()),
        "steps": pages.step_titles(),
        "checked": checked_before(request.session.get(KEPT), application, clock.now()),
    }
    return render(request, "portal/apply_tasks.html", context)


@enterprise_member()
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, pk: str, code: str) -> HttpResponse:
    """Ask one page of the application and save it."""
    application = _mine(request, pk)
    if code not in BY_CODE:
        raise Http404
    if application.state not in WRITABLE and request.method == "GET":
        return redirect("application", pk=application.pk)
    if request.method == "POST" and "estimate" not in request.POST:
        return _save(request, application, code)
    page, edition = BY_CODE[code], application.programme.edition
    if request.method == "POST":
        kept = pages_case.closed_answers(application, code)
        data = request.POST.copy()
        data.update(kept)
        form = StepForm(page, edition, data=data, initial=kept)
        return _step_page(request, application, form, estimate=True)
    saved = application.answers.get(code) or carried(request.session.get(KEPT), code)
    form = StepForm.filled(page, edition, saved, application.version)
    return _step_page(request, application, form)


@enterprise_member()
@require_http_methods(["GET", "POST"])
def files(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the slots for files and take one file."""
    application = _mine(request, pk)
    problem, status, slot = "", 200, ""
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        slot = request.POST.get("slot", "")
        try:
            _attach(request, application, form)
        except Refused as refused:
            problem, status = refused.message, UPLOAD_STATUS.get(refused.code, REFUSED)
        else:
            messages.success(request, "文件已上传。")
            return redirect("application_files", pk=application.pk)
    there = {each.slot: each for each in application.attachments.standing()}
    opened = pages_case.open_slots(application)
    titles = {each.code: each.title for each in application.programme.edition.evidence}
    slots = [
        {
            "slot": each,
            "file": there.get(each.code),
            "problem": problem if each.code == slot else "",
            "open": each.code in opened,
            "same": same_as(there, each.code, titles),
        }
        for each in application.programme.edition.evidence
    ]
    context = {
        "application": application,
        "slots": slots,
        "problem": problem,
        "megabytes": MOST_BYTES // 1024 // 1024,
        "most": {"pages": MOST_PAGES, "files": MOST_FILES},
        "unscanned": settings.FILE_SCANNER == "none",
        "writable": application.state in WRITABLE,
    }
    response = render(request, "portal/apply_files.html", context, status=status)
    if status == NO_ROOM:
        response["Retry-After"] = "600"
    return response


@enterprise_member()
@require_GET
def file(request: HttpRequest, pk: str, file_pk: str) -> HttpResponse:
    """Give back one of the enterprise's own files."""
    attachment = get_object_or_404(_mine(request, pk).attachments, pk=file_pk)
    return attachment_response(request, attachment)


@enterprise_member()
@require_POST
def remove(request: HttpRequest, pk: str, file_pk: str) -> HttpResponse:
    """Take a file out of the application."""
    application = _mine(request, pk)
    attachment = get_object_or_404(application.attachments, pk=file_pk)
    remove_attachment(attachment, actor=actor_at(request), at=clock.now())
    return redirect("application_files", pk=application.pk)


@enterprise_member()
@require_http_methods(["GET", "POST"])
def declare(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the sentences to declare and keep that they were declared."""
    application = _mine(request, pk)
    edition = application.programme.edition
    ticked = request.POST.getlist("accepted")
    saved = (application.answers.get("declaration") or {}).get("accepted", [])
    context: dict[str, Any] = {
        "application": application,
        "declarations": edition.declarations,
        "digest": declaration_digest(edition),
        "ticked": ticked if request.method == "POST" else saved,
        "problem": "",
    }
    status = 200
    if request.method == "POST":
        try:
            accept_declaration(
                application,
                ticked,
                digest=request.POST.get("digest", ""),
                version=_version(request),
                actor=actor_at(request),
                at=clock.now(),
            )
        except Refused as refused:
            context["problem"], status = refused.message, REFUSED
        else:
            return redirect("application_check", pk=application.pk)
    return render(request, "portal/apply_declare.html", context, status=status)


@enterprise_member()
@require_http_methods(["GET", "POST"])
def check(request: HttpRequest, pk: str) -> HttpResponse:
    """Show all answers again, and hand the application in."""
    pressed = request.method == "POST"
    application = _mine(request, pk, brief=pressed)
    if application.state not in WRITABLE:
        return redirect("application", pk=application.pk)
    problem, status = "", 200
    if pressed:
        try:
            done = _hand_in(request, application)
        except Refused as refused:
            if refused.code == "already_submitted":
                return redirect("application", pk=application.pk)
            problem, status = refused.message, REFUSED
            application = _mine(request, pk)
        else:
            return redirect(f"{reverse('application', args=[done.pk])}?submitted=1")
    return _check_page(request, application, problem, status)


def _save(request: HttpRequest, application: Application, code: str) -> HttpResponse:
    page, edition = BY_CODE[code], application.programme.edition
    typed = {name: request.POST[name] for name in request.POST if name not in IGNORED}
    kept = pages_case.closed_answers(application, code)
    typed |= kept  # a supplement opens some fields; the others are sent back as they stand
    try:
        save_step(
            application,
            code,
            typed,
            version=_version(request),
            actor=actor_at(request),
            at=clock.now(),
        )
    except Refused as refused:
        status = STATUS.get(refused.code, REFUSED)
        application = _mine(request, str(application.pk))
        stale = refused.code == "stale_draft"
        data = request.POST.copy()
        data.update(kept)
        if stale:  # saving again on top of what is shown now is a choice, not an accident
            data["version"] = str(application.version)
        form = StepForm(page, edition, data=data, initial=kept)
        form.is_valid()
        if refused.code != "answers_invalid":
            form.add_error(None, refused.message)
        return _step_page(request, application, form, stale=stale, status=status)
    messages.success(request, f"“{page.title}”已保存。")
    if code in AFTER:
        return redirect("application_step", pk=application.pk, code=AFTER[code])
    return redirect("application_tasks", pk=application.pk)


def _step_page(
    request: HttpRequest,
    application: Application,
    form: StepForm,
    *,
    estimate: bool = False,
    stale: bool = False,
    status: int = 200,
) -> HttpResponse:
    code = form.step.code
    closed = pages_case.closed_answers(application, code)
    for name in closed:
        form.fields[name].disabled = True
    answers, now = application.answers.get(code), clock.now()
    if estimate:
        answers, faults = clean_step(code, form.typed() | {"requested_fen": "1"}, form.edition)
        answers = None if faults else answers
    context = {
        "application": application,
        "form": form,
        "step": form.step,
        "award": award_of(application, answers, now) if code == "need" and answers else None,
        "estimate": code == "need",
        "changed": changed(application, form.step, form.typed()) if stale else [],
        "closed": bool(closed),
        "no": [each.code for each in STEPS].index(form.step.code) + 1,
        "total": len(STEPS),
    }
    if code == "enterprise" and answers:
        context["size"] = size_of(application.enterprise.facts_at(now))
    return render(request, "portal/apply_step.html", context, status=status)


def _attach(request: HttpRequest, application: Application, form: UploadForm) -> None:
    if not form.is_valid():
        raise Refused("file_missing", "文件未能上传，请重试。")
    name, content = form.content()
    if not name:
        raise Refused("file_missing", "请先选择文件，再点“上传”。")
    attach_file(
        application,
        form.cleaned_data["slot"],
        name,
        content,
        declared=form.declared,
        actor=actor_at(request),
        at=clock.now(),
    )


def _hand_in(request: HttpRequest, application: Application) -> Application:
    refuse_unless_submits(request)
    actor, at = actor_at(request), clock.now()
    if application.state == Application.State.SUPPLEMENT:
        return resubmit_application(application, version=_version(request), actor=actor, at=at)
    form = KeyForm(request.POST)
    key = form.asked_key() if form.is_valid() else None
    return submit_application(application, version=_version(request), actor=actor, at=at, key=key)


def _check_page(
    request: HttpRequest, application: Application, problem: str, status: int
) -> HttpResponse:
    missing = open_steps(application)
    verdict = preview_verdict(application, clock.now()).plain() if not missing else None
    need = application.answers.get("need")
    context = {
        "application": application,
        "cards": [
            {
                "step": each,
                "rows": pages.answers_of(application, each),
                "url": reverse("application_step", args=[application.pk, each.code]),
            }
            for each in STEPS
        ],
        "files": application.attachments.standing(),
        "missing": missing,
        "lines": verdict_lines(verdict, application.programme.edition) if verdict else [],
        "verdict_word": verdict_word(verdict),
        "award": award_of(application, need, clock.now()) if need else None,
        "problem": problem,
        "form": KeyForm(),
    }
    return render(request, "portal/apply_check.html", context, status=status)


def _version(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(10**9)) else -1


def _mine(request: HttpRequest, pk: str, *, brief: bool = False) -> Application:
    """Return an application of the seat's enterprise; ``brief`` where the act reads it again."""
    mine = seat_of(request).enterprise.applications
    asked = mine.only("state", "enterprise") if brief else mine.with_parties()
    found: Application = get_object_or_404(asked, pk=pk)
    return found


urlpatterns = [
    path("apply/", start, name="apply"),
    path("apply/<uuid:pk>/", tasks, name="application_tasks"),
    path("apply/<uuid:pk>/files/", files, name="application_files"),
    path("apply/<uuid:pk>/files/<uuid:file_pk>/", file, name="application_file"),
    path("apply/<uuid:pk>/files/<uuid:file_pk>/remove/", remove, name="application_remove"),
    path("apply/<uuid:pk>/declare/", declare, name="application_declare"),
    path("apply/<uuid:pk>/check/", check, name="application_check"),
    path("apply/<uuid:pk>/<slug:code>/", step, name="application_step"),
]
