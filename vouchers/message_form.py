"""What the words of one kind of message look like. Pure."""

from dataclasses import dataclass

ENTERPRISE, PROVIDER, STAFF, PERSON = "enterprise", "provider", "right", "person"


@dataclass(frozen=True)
class Text:
    """The words of one kind of message.

    Args:
        audience: to whom it goes.
        subject, body: with gaps ``{name}``; ``*_fen`` is shown in yuan, days as Chinese days.
        link: name of the page where one goes on; ``about_link`` says that it takes the thing's id.
        statutory: by mail too, whatever the person chose: a time limit or a decision hangs on it.
    """

    audience: str
    subject: str
    body: str
    link: str = ""
    about_link: bool = True
    statutory: bool = False
