"""Door: what people were told, for each audience, and the bureau's log of mails.

It stands here because an inbox gathers what every room says, and three audiences read the same
kind of page.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing.desk import ANY_RIGHT
from config.scopes import scopes_at
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import View, actor_of, requires
from providers.seats import provider_member
from vouchers import notices
from vouchers.mailing import resend_delivery
from vouchers.seats import enterprise_member

PAGE = 20
ANYBODY_OF_THE_BUREAU = (*ANY_RIGHT, "config.view_user")
SEES_MAIL = ("vouchers.view_cases", "config.view_user")
RESENDS_MAIL = ("vouchers.review_application", "config.change_user")
GUARDS = {
    "portal": enterprise_member(),
    "console": provider_member(),
    "office": requires(*ANYBODY_OF_THE_BUREAU),
}


def _area(request: HttpRequest) -> str:
    return request.path.strip("/").split("/")[0]


def inbox(request: HttpRequest) -> HttpResponse:
    """List what was told to the reader's side, the newest first."""
    area = _area(request)
    unread = request.GET.get("show") == "unread"
    scopes = scopes_at(request, area)
    found = notices.inbox(scopes, request.user, unread=unread)
    context = {
        "page_obj": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "unread": unread,
        "count": notices.unread_count(scopes, request.user),
        "wants_mail": notices.wants_mail(request.user),
        "mail_on": settings.MAIL.on,
        "list_url": f"/{area}/messages/",
        "may_see_mail": area == "office" and any(map(request.user.has_perm, SEES_MAIL)),
    }
    return render(request, "messages/inbox.html", context)


def message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one message and remember that it was read."""
    area = _area(request)
    found = get_object_or_404(notices.inbox(scopes_at(request, area), request.user), pk=pk)
    notices.mark_read([found], request.user, clock.now())
    context = {"message": found, "list_url": f"/{area}/messages/"}
    return render(request, "messages/message.html", context)


def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything as read."""
    area = _area(request)
    scopes = scopes_at(request, area)
    notices.mark_read(notices.inbox(scopes, request.user, unread=True), request.user, clock.now())
    messages.success(request, "已全部标为已读。")
    return redirect(f"/{area}/messages/")


def mail_choice(request: HttpRequest) -> HttpResponse:
    """Switch mail on or off for the reader."""
    wanted = request.POST.get("wanted") == "1"
    notices.choose_mail(request.user, wanted=wanted, at=clock.now())
    said = "已开启邮件提醒。" if wanted else "已关闭一般邮件；涉及期限和决定的邮件仍会发送。"
    messages.success(request, said)
    return redirect(f"/{_area(request)}/messages/")


@require_GET
@requires(*SEES_MAIL)
def mail_log(request: HttpRequest) -> HttpResponse:
    """List the mails and what became of each."""
    state, words = request.GET.get("state", "")[:20], request.GET.get("q", "").strip()[:100]
    found = notices.delivery_log(state, words)
    context = {
        "page_obj": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "state": state,
        "q": words,
        "failed": notices.undelivered_count(),
        "mail_on": settings.MAIL.on,
        "files": settings.MAIL.files,
        "tabs": (
            ("", "全部"),
            ("waiting", "待发送"),
            ("delivered", "已送达"),
            ("failed", "未送达"),
        ),
    }
    return render(request, "messages/mail_log.html", context)


@require_GET
@requires(*SEES_MAIL)
def mail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one mail: its text and every try."""
    return _mail_page(request, pk)


@require_POST
@requires(*RESENDS_MAIL)
def mail_resend(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a mail once more."""
    delivery = get_object_or_404(notices.delivery_log(), pk=pk)
    try:
        resend_delivery(delivery, actor=actor_of(request, "bureau"), at=clock.now())
    except Refused as refused:
        messages.error(request, refused.message)
        return _mail_page(request, pk, status=409)
    messages.success(request, "已重新列入发送队列，稍后刷新可看到结果。")
    return redirect("office_mail_one", pk=pk)


def _mail_page(request: HttpRequest, pk: UUID, status: int = 200) -> HttpResponse:
    delivery = get_object_or_404(notices.delivery_log(), pk=pk)
    context = {
        "delivery": delivery,
        "tries": delivery.tries.order_by("number"),
        "may_resend": delivery.state != "waiting" and any(map(request.user.has_perm, RESENDS_MAIL)),
    }
    return render(request, "messages/mail.html", context, status=status)


def _for(area: str, view: View, method: Any) -> View:
    return GUARDS[area](method(view))


def _pages(area: str) -> list[Any]:
    start = f"{area}/messages/"
    return [
        path(start, _for(area, inbox, require_GET), name=f"{area}_messages"),
        path(f"{start}read/", _for(area, read_all, require_POST), name=f"{area}_messages_read"),
        path(f"{start}mail/", _for(area, mail_choice, require_POST), name=f"{area}_mail_choice"),
        path(f"{start}<uuid:pk>/", _for(area, message, require_GET), name=f"{area}_message"),
    ]


urlpatterns = [
    path("office/messages/log/", mail_log, name="office_mail"),
    path("office/messages/log/<uuid:pk>/", mail, name="office_mail_one"),
    path("office/messages/log/<uuid:pk>/resend/", mail_resend, name="office_mail_resend"),
    *(each for area in GUARDS for each in _pages(area)),
]
