"""Mails of the door: the link of an invitation, sent once it is certain that it exists."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from config.inviting import Sent

logger = logging.getLogger("config.posting")


def send_link(sent: Sent, link: str) -> None:
    """Send the link to the address given, if any; the page shows it as well."""
    made = sent.invitation
    if made.email and settings.MAIL.on:
        transaction.on_commit(lambda: _send(sent, link))


def _send(sent: Sent, link: str) -> None:
    made = sent.invitation
    text = (
        f"{made.name}，您好：\n\n"
        f"{made.invited_by.display_name} 邀请您加入“{made.organisation_name}”，"
        f"使用普陀区算力券服务。请在 7 天内打开下面的链接，链接只能使用一次：\n\n{link}\n\n"
        "如果您不认识邀请人，不用理会这封邮件。\n"
    )
    try:
        send_mail("【普陀区算力券】邀请您加入", text, None, [made.email])
    except (OSError, SMTPException) as error:
        logger.warning("invitation %s was not mailed: %s", made.pk, type(error).__name__)
