"""A small world that can go wrong: clients, a network, the books, a sealer, a clock, one seed.

Everything random comes from one generator, so a seed is a story that can be told again. The
books are the real ones in PostgreSQL; what is invented is only what goes wrong: answers that get
lost, messages that arrive twice, late or in another order, crashes before and after the commit,
a sealer that dies after its mark is written, a clock that jumps.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from ledger import audit, models
from ledger.book import Journal, Outcome, post_set
from ledger.chart import TransferCode
from ledger.refusals import Refused
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    grant,
    hold,
    issue,
    journal,
    meter,
    move,
    redeem,
    resolving,
    settle,
    voucher,
)
from tests.ledger.oracle import Oracle

NAMES = ("v1", "v2", "v3")
PROVIDERS = ("q1", "q2")
MOST_DELAY = 6
NOT_KEPT = {"transfer_id_taken", "safe_mode"}


class Crash(Exception):  # noqa: N818 - what happened to the process
    """The process ended here."""


def die_if(fault: bool) -> None:
    if fault:
        raise Crash


@dataclass
class Message:
    """Journals on their way from a client to the books."""

    journals: list[Journal]
    due: int


@dataclass
class World:
    """One story, told by its seed."""

    seed: int
    step: int = 0
    network: list[Message] = field(default_factory=list)
    sent: dict = field(default_factory=dict)
    acknowledged: dict = field(default_factory=dict)
    holds: list[Journal] = field(default_factory=list)
    happened: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.oracle = Oracle()
        self.at = AT
        audit.ensure_key(AT)
        self.send([grant(1_000), *(issue(200, name) for name in NAMES)])

    # ------------------------------------------------------------------ the clients and the net
    def send(self, journals: list[Journal]) -> None:
        """Put journals on their way; they stay the client's worry until an answer arrives."""
        self.sent.update({each.id: each for each in journals})
        self.network.append(Message(journals, self.step + self.random.randint(0, MOST_DELAY)))

    def invent(self) -> Journal:
        """Return a journal that a client may wish for, sensible or not."""
        name, provider = self.random.choice(NAMES), self.random.choice(PROVIDERS)
        amount = self.random.randint(1, 90)
        made = [
            lambda: grant(amount),
            lambda: issue(amount, name),
            lambda: redeem(amount, name, provider),
            lambda: settle(amount, "s1", provider),
            lambda: meter(amount, provider),
            lambda: journal(move(voucher(name), BUDGET, amount, TransferCode.REVOKE)),
            lambda: self.hold(amount, name, provider),
            lambda: self.resolve(amount),
            lambda: journal(*redeem(amount, name).transfers, *settle(amount).transfers),
        ]
        return self.random.choice(made)()

    def hold(self, amount: int, name: str, provider: str) -> Journal:
        self.holds.append(hold(amount, name, provider, expires_at=AT + timedelta(hours=1)))
        return self.holds[-1]

    def resolve(self, amount: int) -> Journal:
        if not self.holds:
            return self.hold(amount, "v1", "q1")
        held = self.random.choice(self.holds)
        code = self.random.choice((TransferCode.POST_RESERVED, TransferCode.VOID_RESERVED))
        whole = code is TransferCode.VOID_RESERVED or self.random.random() < 0.5
        taken = held.transfers[0].amount if whole else amount
        return journal(resolving(held, taken, code))

    def resend(self) -> None:
        """Ask again for everything that was never answered."""
        waiting = [made for key, made in self.sent.items() if key not in self.acknowledged]
        if waiting:
            self.send(waiting)

    # ------------------------------------------------------------------ the books
    def deliver(self, message: Message, fault: str = "") -> None:
        """Book what a message asks for, and let the process die before or after the commit."""
        try:
            with transaction.atomic():
                outcomes = post_set(message.journals, actor=ACTOR, at=self.at)
                die_if(fault == "before_commit")
        except Crash:
            return
        expected = [self.oracle.post(each) for each in message.journals]
        got = [each.code for each in outcomes]
        assert got == expected, f"seed {self.seed}: {got} instead of {expected}"
        if fault != "answer_lost":
            self.hear(outcomes)

    def hear(self, outcomes: list[Outcome]) -> None:
        """Let the clients hear their answers; an answer once heard never changes."""
        for each in outcomes:
            if each.code not in NOT_KEPT:
                known = self.acknowledged.setdefault(each.journal_id, each.ok)
                assert known == each.ok, f"seed {self.seed}: {each.journal_id} {each.code}"

    # ------------------------------------------------------------------ the sealer
    def seal(self, fault: str = "") -> None:
        """Seal; with a fault the sealer dies after its mark is on disk and before the commit."""
        try:
            with transaction.atomic():
                audit.seal(self.at)
                die_if(bool(fault))
        except Crash:
            pass

    # ------------------------------------------------------------------ the story
    def act(self) -> None:
        """Let one thing happen."""
        self.step += 1
        self.at += timedelta(seconds=self.random.randint(0, 3))
        choices = {
            self.new: 6,
            self.arrive: 8,
            self.arrive_badly: 3,
            self.resend: 1,
            self.seal: 2,
            self.seal_badly: 1,
            self.clock_jumps: 1,
        }
        chosen = self.random.choices(list(choices), list(choices.values()))[0]
        self.happened[chosen.__name__] += 1
        chosen()

    def new(self) -> None:
        self.send([self.invent() for _ in range(self.random.randint(1, 4))])

    def take(self) -> Message | None:
        due = [each for each in self.network if each.due <= self.step]
        return self.random.choice(due) if due else None

    def arrive(self) -> None:
        """A message arrives; now and then a copy of it stays on the way and comes later."""
        message = self.take()
        if message is not None:
            if self.random.random() < 0.7:
                self.network.remove(message)
            self.deliver(message)

    def arrive_badly(self) -> None:
        message = self.take()
        if message is not None:
            self.network.remove(message)
            self.deliver(message, self.random.choice(("before_commit", "answer_lost")))

    def seal_badly(self) -> None:
        self.seal(fault="after_mark")

    def clock_jumps(self) -> None:
        self.at += timedelta(hours=self.random.choice((-1, 1)))

    def settle_down(self) -> None:
        """End all faults; everything still on its way arrives and is sealed."""
        for _ in range(3):
            self.resend()
            for message in sorted(self.network, key=lambda each: each.due):
                self.deliver(message)
            self.network = []
        for _ in range(10):
            self.seal()
        assert not models.LogEntry.objects.filter(logleaf=None).exists(), f"seed {self.seed}"

    def check(self) -> None:
        """Every answer given stands in the books as it was given, once."""
        booked = Counter(models.Journal.objects.values_list("id", flat=True))
        assert set(booked.values()) <= {1}
        for key, was_booked in self.acknowledged.items():
            assert (key in booked) == was_booked, f"seed {self.seed}: {key}"
        answered = {key for key, (_, code) in self.oracle.answers.items() if code == "posted"}
        assert set(booked) == answered, f"seed {self.seed}"


def tell(seed: int, steps: int) -> World:
    """Tell the story of a seed to its end and return the world it leaves."""
    world = World(seed)
    for _ in range(steps):
        try:
            world.act()
        except Refused as refused:  # a set never raises: it answers item by item
            raise AssertionError(f"seed {seed}: {refused}") from refused
    world.settle_down()
    world.check()
    return world
