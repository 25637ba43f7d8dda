"""Tell an enterprise of a step of its application, in the words of ``notice_texts``."""

from datetime import datetime
from typing import Any

from vouchers.models import Application
from vouchers.notices import tell_enterprise


def tell(application: Application, kind: str, at: datetime, **facts: Any) -> None:
    """Write one message about an application to everybody with a seat of its enterprise."""
    context = {"application_no": application.application_no or "", **facts}
    tell_enterprise(application.enterprise, kind, context, about=application, at=at)
