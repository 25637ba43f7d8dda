"""Follow an amount to the bytes it rests on, checking every digest on the way."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.trace import LONGEST_REF, Trace, trace
from billing.trace_steps import Step

MOST_PAGES = 1_000
_MARKS = {"good": "√", "bad": "×", "open": "?"}


class Command(BaseCommand):
    """Print the chain of one payment, statement, voucher or record; exit 1 where it breaks."""

    help = (
        "溯源：从付款（批次号/序号）、银行流水号、对账单号、券号或计量记录编号出发，"
        "逐级列出依据，并当场重新计算每个摘要。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the reference, and how many pages of uploads to check."""
        parser.add_argument("ref", help="付款、银行流水、对账单、券或计量记录的编号")
        parser.add_argument("--all", action="store_true", help="核对全部批次，而不只是第一页")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the chain page by page."""
        ref, broken, counts = options["ref"], [], dict.fromkeys(_MARKS, 0)
        told = trace(ref)
        if told is None:
            raise CommandError(f"没有找到 {ref[:LONGEST_REF]}；请核对编号。")
        for page in range(1, MOST_PAGES):
            if page > 1:
                told = trace(ref, page=page) or told
            self._print(told, only_batches=page > 1)
            broken += [each for each in told.broken if each not in broken]
            steps = told.steps if page == 1 else _batches(told)
            for each in (check for step in steps for check in step.checks):
                counts[each.outcome] += 1
            if not (told.more and options["all"] and told.kind == "statement"):
                break
        if told.more:
            self.stdout.write("后面还有，没有全部列出（对账单可用 --all 核对全部批次）。")
        said = f"核对 {sum(counts.values())} 项：相符 {counts['good']}，不符 {counts['bad']}，"
        self.stdout.write(f"{said}无法核对 {counts['open']}。")
        if broken:
            raise CommandError("链条在此处断开：\n" + "\n".join(broken))

    def _print(self, told: Trace, *, only_batches: bool) -> None:
        for step in _batches(told) if only_batches else told.steps:
            self._print_step(step)

    def _print_step(self, step: Step) -> None:
        pad = "  " * step.level
        at = "" if step.log_index is None else f"（日志第 {step.log_index} 条）"
        self.stdout.write(f"{pad}{step.title} {step.name}{at}")
        for key, value in step.facts:
            self.stdout.write(f"{pad}    {key}：{value}")
        for each in step.checks:
            mark = _MARKS[each.outcome]
            self.stdout.write(f"{pad}  {mark} {each.title}：{each.word}。{each.text}")


def _batches(told: Trace) -> list[Step]:
    return [each for each in told.steps if each.kind == "batch"]
