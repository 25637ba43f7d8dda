"""The books in plain Python, one transfer at a time: what PostgreSQL must agree with.

Written from docs/ledger.md alone, without a look at ``ledger.limits``: it keeps every transfer
in a list and sums the list whenever it wants to know something.
"""

from ledger.book import Journal
from ledger.chart import AccountKey

OUTSIDE = {"1000", "5000", "5300", "6000", "C100", "S100"}


class Oracle:
    def __init__(self) -> None:
        self.done: list = []
        self.answers: dict = {}

    def total(self, key: AccountKey) -> tuple[int, int, int, int]:
        resolved = {each.pending_id for each in self.done if each.pending_id}
        sums = [0, 0, 0, 0]
        for each in self.done:
            for side, account in ((0, each.debit), (2, each.credit)):
                if account != key:
                    continue
                if each.phase == "pending" and each.id not in resolved:
                    sums[side] += each.amount
                elif each.phase in ("single", "post"):
                    sums[side + 1] += each.amount
        return tuple(sums)

    def free(self, key: AccountKey) -> int:
        held, out, _, into = self.total(key)
        return into - out - held

    def post(self, journal: Journal) -> str:
        request = str(journal.for_log())
        if journal.id in self.answers:
            known, answer = self.answers[journal.id]
            if known != request:
                return "id_reused"
            return "exists" if answer == "posted" else "id_already_refused"
        before = list(self.done)
        for each in journal.transfers:
            answer = self.one(each, journal.effective_at)
            if answer != "posted":
                self.done = before
                if answer != "transfer_id_taken":
                    self.answers[journal.id] = (request, answer)
                return answer
        self.answers[journal.id] = (request, "posted")
        return "posted"

    def one(self, each, at) -> str:
        if any(other.id == each.id for other in self.done):
            return "transfer_id_taken"
        if each.pending_id:
            answer = self.resolve(each, at)
        elif each.debit.code.value in OUTSIDE or each.amount <= self.free(each.debit):
            answer = "posted"
        else:
            answer = "insufficient_funds"
        if answer == "posted":
            self.done.append(each)
        return answer

    def resolve(self, each, at) -> str:
        found = [other for other in self.done
                 if other.id == each.pending_id and other.phase == "pending"]  # fmt: skip
        if not found:
            return "pending_not_found"
        first = found[0]
        if (first.debit, first.credit) != (each.debit, each.credit):
            return "pending_other_accounts"
        if any(other.pending_id == first.id for other in self.done):
            return "pending_already_resolved"
        if each.phase == "post":
            return "exceeds_pending" if each.amount > first.amount else "posted"
        if each.amount != first.amount:
            return "void_not_whole"
        if each.code == 330 and (first.expires_at is None or at < first.expires_at):
            return "not_expired_yet"
        return "posted"
