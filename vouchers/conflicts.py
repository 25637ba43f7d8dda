"""The one gate for conflicts of interest: who declared a tie to an enterprise does nothing on it.

``states.move`` asks here before every move of an enterprise, its applications and its vouchers;
acts without a move (assigning, answering) ask themselves. A trigger on the state rows holds the
same.
"""

from typing import Any

from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.models import ConflictDeclaration

CLAUSE = "回避制度"


def conflicted(person: str, enterprise: Any) -> bool:
    """Say whether a natural person declared a tie to an enterprise that still counts."""
    return bool(person) and ConflictDeclaration.objects.between(person, enterprise).exists()


def refuse_if_conflicted(actor: Actor, enterprise: Any) -> None:
    """Refuse an act on an enterprise to whoever declared a tie to it.

    Raises:
        Refused: a declaration of the same natural person lasts.
    """
    if conflicted(actor.person, enterprise):
        raise Refused(
            "conflict_of_interest",
            f"您已声明与“{enterprise.name}”存在利益关系，按回避制度不能办理该企业的任何事项。"
            "请交由其他人员办理；关系已解除的，请由他人在“利益冲突声明”页解除。",
            clause=CLAUSE,
        )
