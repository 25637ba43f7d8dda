"""Verify the kept signatures of uploads once more, for an audit."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.evidence import verify_again
from providers.models import UsageBatch


class Command(BaseCommand):
    """``manage.py verify_evidence [--provider CODE] [--test]``: every signature, or one's."""

    help = "重新核验上报批次的签名证据；有不成立的，列出并以非零状态结束。只读。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a provider's credit code, and whether tests are looked at too."""
        parser.add_argument("--provider", default="", help="供方的统一社会信用代码")
        parser.add_argument("--test", action="store_true", help="也核验测试批次")

    def handle(self, *_words: Any, **told: Any) -> None:
        """Look at every batch and tell the outcomes.

        Raises:
            CommandError: a signature does not hold.
        """
        batches = UsageBatch.objects.select_related("key").order_by("received_at", "id")
        if told["provider"]:
            batches = batches.filter(provider__uscc=told["provider"])
        if not told["test"]:
            batches = batches.filter(livemode=True)
        counts = {"holds": 0, "unsigned": 0, "broken": 0}
        for batch in batches.iterator(chunk_size=500):
            found = verify_again(batch)
            counts[found.outcome] += 1
            if found.outcome == "broken":
                self.stdout.write(f"{batch.pk} {found.text}")
        self.stdout.write(
            f"成立 {counts['holds']}，未签名 {counts['unsigned']}，不成立 {counts['broken']}"
        )
        if counts["broken"]:
            raise CommandError(f"{counts['broken']} 个批次的签名证据不成立")
