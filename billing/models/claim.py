"""Claims: where the enterprise pays first, it asks for its share with invoice and bank receipt."""

from django.db import models

from billing.lifecycle import ClaimMachine
from billing.models.paper import StatementFile
from billing.models.statement import Statement
from ledger.identifiers import new_id

GRANTED = ("written_off", "partial")
DECIDED = (*GRANTED, "refused")


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Questions about claims."""

    def waiting(self) -> "ClaimQuerySet":
        """Return those the bureau has to act on, the oldest first."""
        return self.filter(state__in=["submitted", "checked"]).order_by("submitted_at", "id")

    def with_bureau(self) -> "ClaimQuerySet":
        """Return those that were handed in and wait for the bureau: no deadline ends them."""
        return self.filter(state__in=["submitted", "checked", "reviewed", "suspended"])

    def with_parties(self) -> "ClaimQuerySet":
        """Fetch everything a list shows along."""
        return self.select_related(
            "statement__close", "statement__enterprise", "statement__provider",
            "statement__order__hold", "statement__voucher__programme",
        )  # fmt: skip


class Claim(ClaimMachine):
    """One claim (核销申请) on one final statement of a programme that pays after payment.

    ``checks`` keeps what the machine found of each rule, ``terms`` and ``binding`` how the granted
    amount came about. Who checked and who reviewed are two natural persons.

    Units: fen.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    claim_no = models.CharField("核销申请号", max_length=40, unique=True)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="claims", verbose_name="对账单"
    )
    version = models.PositiveSmallIntegerField("对账单版本")
    digest = models.CharField("对账单摘要", max_length=64)
    expected_fen = models.BigIntegerField("可申请金额（分）")
    eligible_fen = models.BigIntegerField("可支持金额（分）", null=True, blank=True)
    granted_fen = models.BigIntegerField("核销金额（分）", null=True, blank=True)
    terms = models.JSONField("计算过程", default=list)
    binding = models.CharField("决定项", max_length=20, blank=True)
    checks = models.JSONField("核验结果", default=list)
    opened_at = models.DateTimeField("开始填报时间")
    submitted_at = models.DateTimeField("提交时间", null=True, blank=True)
    submitted_name = models.CharField("提交人", max_length=100, blank=True)
    submitted_person = models.CharField("提交自然人", max_length=64, blank=True)
    due_on = models.DateField("办理期限", null=True, blank=True)
    supplement = models.TextField("补正内容", blank=True)
    checked_at = models.DateTimeField("核验时间", null=True, blank=True)
    checked_name = models.CharField("核验人", max_length=100, blank=True)
    checked_person = models.CharField("核验自然人", max_length=64, blank=True)
    check_note = models.TextField("核验意见", blank=True)
    proposed_fen = models.BigIntegerField("拟核销金额（分）", null=True, blank=True)
    reviewed_at = models.DateTimeField("复核时间", null=True, blank=True)
    reviewed_name = models.CharField("复核人", max_length=100, blank=True)
    reviewed_person = models.CharField("复核自然人", max_length=64, blank=True)
    reason = models.TextField("结论理由", blank=True)
    entry_id = models.UUIDField("日志条目", null=True, blank=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = "核销申请"
        verbose_name_plural = "核销申请"
        ordering = ["opened_at"]
        permissions = [
            ("check_claim", "核验核销申请"),
            ("review_claim", "复核核销申请"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=ClaimMachine.State.values), name="claim_state_known"
            ),
            models.UniqueConstraint(
                fields=["statement"],
                condition=~models.Q(state="refused"),
                name="claim_stands_once_per_statement",
            ),
            models.CheckConstraint(
                condition=models.Q(reviewed_person="")
                | (
                    ~models.Q(checked_person="")
                    & ~models.Q(reviewed_person=models.F("checked_person"))
                ),
                name="claim_two_persons",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["reviewed", *DECIDED])
                | ~models.Q(reviewed_person=""),
                name="claim_decided_is_reviewed",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    ~models.Q(state__in=GRANTED), granted_fen__isnull=True
                )
                | models.Q(
                    state__in=GRANTED,
                    granted_fen__gt=0,
                    granted_fen__lte=models.F("expected_fen"),
                ),
                name="claim_grants_within_statement",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.claim_no


class ClaimPaper(models.Model):
    """An invoice or a bank receipt of a claim: what it says, and the file that shows it.

    While it is ``active``, its number serves no other claim; it ends when it is taken out of a
    draft or when the claim is refused.

    Units: fen, tax included.
    """

    class Kind(models.TextChoices):
        """What kind of paper it is."""

        INVOICE = "invoice", "发票"
        RECEIPT = "receipt", "银行回单"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    claim = models.ForeignKey(
        Claim, on_delete=models.PROTECT, related_name="papers", verbose_name="核销申请"
    )
    kind = models.CharField("类别", max_length=10, choices=Kind.choices)
    code = models.CharField("发票代码", max_length=12, blank=True)
    number = models.CharField("发票号码或银行流水号", max_length=64)
    dated_on = models.DateField("日期")
    amount_fen = models.BigIntegerField("金额（分）")
    payer_name = models.CharField("付款方", max_length=200)
    payer_uscc = models.CharField("付款方统一社会信用代码", max_length=18, blank=True)
    payee_name = models.CharField("收款方", max_length=200)
    payee_uscc = models.CharField("收款方统一社会信用代码", max_length=18, blank=True)
    file = models.OneToOneField(
        StatementFile, on_delete=models.PROTECT, related_name="paper", verbose_name="文件"
    )
    active = models.BooleanField("有效", default=True)

    class Meta:
        verbose_name = "核销凭据"
        verbose_name_plural = "核销凭据"
        ordering = ["kind", "dated_on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "code", "number"],
                condition=models.Q(active=True),
                name="claimpaper_serves_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="claimpaper_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["invoice", "receipt"]) & ~models.Q(number=""),
                name="claimpaper_has_number",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
