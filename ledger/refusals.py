"""The two ways in which something does not happen: refused, or broken.

*Refused* is business: the rules say no, the person is told why and what to do, nothing changed.
*Broken* is ours: an invariant does not hold, the transaction stops and somebody is paged.
"""

import dataclasses
from typing import Any


@dataclasses.dataclass(eq=False)
class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An act that the rules do not allow, told so that a civil servant could read it aloud.

    Args:
        code: stable snake_case reason, for machines and tests.
        message: Chinese sentence: what is wrong and how to mend it.
        clause: clause or rule the refusal rests on, empty when it is plain logic.
        field: name of the form field or record column concerned, if any.
        details: further facts (balances, conflicting numbers) as plain text values.
    """

    code: str
    message: str
    clause: str = ""
    field: str = ""
    details: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence shown to people."""
        return self.message

    def put_on(self, form: Any, **named: str) -> None:
        """Show the refusal on a form: at its field where the form has it, else above all fields.

        Args:
            form: anything with ``fields`` and ``add_error(field, message)``.
            named: what the form calls a field that the act knows by another name.
        """
        field = named.get(self.field, self.field)
        form.add_error(field if field in form.fields else None, self.message)


class Broken(RuntimeError):  # noqa: N818 - the house word for a violated invariant
    """An invariant that must hold does not; nothing may be written after this."""
