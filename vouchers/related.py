"""Find out whether two bodies belong together, and tell by which path (AF01).

Pure: shareholdings and marks in, relations with their path in words out; a ring of holdings is no
trouble. A holds of B what it holds itself plus the *whole* share of every middle firm of which A
holds at least the limit (look-through). Two bodies are related when one holds the limit of the
other, when a third holds the limit of both, or when they share a strong mark (legal person,
account). A shared phone or address is told as a hint only: one building houses many firms.

Units: basis points.
Source: 税务总局公告2016年第42号第二条 (25 % and look-through); marks are the bureau's rule.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

STRONG = {"legal_person": "法定代表人", "account": "对公账户"}
WEAK = {"phone": "联系电话", "address": "注册地址"}


@dataclass(frozen=True)
class Share:
    """One holding: who holds how much of which company."""

    owner: str
    company: str
    share_bp: int


@dataclass(frozen=True)
class Relation:
    """Why two bodies belong together: ``kind`` for machines, ``path`` for people."""

    other: str
    kind: str
    path: str
    strong: bool = True


@dataclass
class Graph:
    """What is known of holdings and marks around an applicant.

    Args:
        shares: holdings; several rows of one pair are added.
        marks: node -> kind of mark -> value, values compared as they are.
        names: node -> name shown in a path.
    """

    shares: Iterable[Share]
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    limit_bp: int = 2500

    def __post_init__(self) -> None:
        """Sort the holdings by owner and by company."""
        self._held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._owners: dict[str, set[str]] = defaultdict(set)
        for each in self.shares:
            self._held[each.owner][each.company] += each.share_bp
            self._owners[each.company].add(each.owner)

    def name(self, node: str) -> str:
        """Return what people call a node."""
        return self.names.get(node) or node

    def nodes(self) -> set[str]:
        """Return everybody the graph knows."""
        return set(self._held) | set(self._owners) | set(self.marks)

    def holdings(self, owner: str) -> dict[str, int]:
        """Return what an owner holds of each company, looking through firms it holds enough of."""
        counted: set[str] = {owner}
        total: dict[str, int] = defaultdict(int, self._held.get(owner, {}))
        waiting = deque(sorted(c for c, bp in total.items() if bp >= self.limit_bp))
        while waiting:
            middle = waiting.popleft()
            if middle in counted:
                continue
            counted.add(middle)
            for company, share in self._held.get(middle, {}).items():
                total[company] += share
                if total[company] >= self.limit_bp and company not in counted:
                    waiting.append(company)
        total.pop(owner, None)
        return dict(total)

    def controlled(self, owner: str) -> set[str]:
        """Return the companies an owner holds the limit of."""
        return {c for c, bp in self.holdings(owner).items() if bp >= self.limit_bp}

    def above(self, company: str) -> set[str]:
        """Return everybody who may hold something of a company, however far up."""
        seen: set[str] = set()
        waiting = [company]
        while waiting:
            for owner in self._owners.get(waiting.pop(), ()):
                if owner not in seen:
                    seen.add(owner)
                    waiting.append(owner)
        return seen - {company}

    def path(self, owner: str, company: str) -> str:
        """Tell how an owner comes to hold a company: the shortest chain it looks through."""
        before: dict[str, str] = {owner: ""}
        waiting = deque([owner])
        while waiting and company not in before:
            here = waiting.popleft()
            for there in sorted(self._held.get(here, {})):
                passes = there == company or here == owner or there in self.controlled(owner)
                if there not in before and passes:
                    before[there] = here
                    waiting.append(there)
        chain, here = [], company
        while before.get(here):
            above = before[here]
            share = percent(self._held[above][here])
            chain.append(f"{self.name(above)}直接持股{self.name(here)} {share}")
            here = above
        return "，".join(reversed(chain))


def percent(bp: int) -> str:
    """Return a share the way people write it."""
    whole, rest = divmod(bp, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%" if rest else f"{whole}%"


def relation(graph: Graph, one: str, other: str) -> Relation | None:
    """Return why two bodies are related, the strongest reason first; None when they are not."""
    if one == other:
        return Relation(other, "same", f"{graph.name(one)}是同一主体")
    return next(_reasons(graph, one, other), None)


def group_of(graph: Graph, start: str) -> dict[str, Relation]:
    """Return everybody who belongs to one group with ``start`` by strong reasons, step by step.

    Weak marks never widen a group: they are for a person to look at (``hints``).
    """
    found: dict[str, Relation] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in sorted(_near(graph, here) - {start} - set(found)):
            why = relation(graph, here, there)
            if why and why.strong:
                found[there] = Relation(there, why.kind, why.path)
                waiting.append(there)
    return found


def hints(graph: Graph, start: str) -> list[Relation]:
    """Return the bodies that share a weak mark (phone, address) with ``start``."""
    mine = graph.marks.get(start, {})
    return [
        Relation(other, kind, f"{graph.name(other)}与本企业的{word}相同", strong=False)
        for other in sorted(graph.marks)
        for kind, word in WEAK.items()
        if other != start and mine.get(kind) and graph.marks[other].get(kind) == mine[kind]
    ]


def _near(graph: Graph, here: str) -> set[str]:
    """Return who may be one step away: held, holding, held by the same, or of the same mark."""
    owners = graph.above(here)
    near = graph.controlled(here) | owners
    for owner in owners:
        held = graph.controlled(owner)
        if here in held:
            near |= held
    mine = graph.marks.get(here, {})
    for other, marks in graph.marks.items():
        if any(mine.get(kind) and marks.get(kind) == mine[kind] for kind in STRONG):
            near.add(other)
    return near - {here}


def _reasons(graph: Graph, one: str, other: str) -> Iterator[Relation]:
    for owner, company in ((one, other), (other, one)):
        if graph.holdings(owner).get(company, 0) >= graph.limit_bp:
            yield Relation(other, "holds", graph.path(owner, company))
    for third in sorted(graph.above(one) & graph.above(other)):
        held = graph.holdings(third)
        if min(held.get(one, 0), held.get(other, 0)) >= graph.limit_bp:
            path = f"{graph.path(third, one)}；{graph.path(third, other)}"
            yield Relation(other, "third", path)
    mine, its = graph.marks.get(one, {}), graph.marks.get(other, {})
    for kind, word in STRONG.items():
        if mine.get(kind) and mine[kind] == its.get(kind):
            path = f"{graph.name(one)}与{graph.name(other)}的{word}相同"
            yield Relation(other, kind, path)
