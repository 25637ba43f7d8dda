"""A small world for billing: parties, vouchers, orders and usage that lie in real books."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model

from billing import settling
from billing.models import MonthClose, Statement
from ledger import work
from ledger.actors import Actor
from ledger.book import Journal, Transfer, post
from ledger.chart import TransferCode, metered, unmatched
from ledger.identifiers import new_id
from ledger.periods import Month
from providers.models import (
    AcceleratorModel,
    AcceleratorRate,
    Capacity,
    Offering,
    OfferingPrice,
    Order,
    Provider,
    ProviderSeat,
    UsageRecord,
)
from tests.billing.payments import send
from tests.billing.reported import let_gaps_stand, store_usage, usage_rows
from vouchers.calendars import store_year
from vouchers.issuing import grant_budget
from vouchers.models import (
    Application,
    CalendarYear,
    Enterprise,
    EnterpriseSeat,
    Programme,
    Voucher,
)
from vouchers.rulebook_reader import digest_of, parse_edition
from vouchers.spending import hold_amount

OCTOBER = Month(2026, 10)
START = OCTOBER.start_at
REVIEWED = {"first_reviewer_person": "a", "second_reviewer_person": "b", "approver_person": "c"}
CLOSE_AT = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)
EDITION = Path(settings.BASE_DIR) / "vouchers" / "editions" / "putuo-demo-2026.toml"


def person(name: str, role: str = "finance") -> Actor:
    """Return somebody of the bureau, one natural person per name."""
    return Actor(kind="user", id=str(new_id()), name=name, role=role, person=f"person-{name}")


def quiet(done: int, total: int, message: str = "") -> None:
    """Take news of progress and keep it to itself."""


@dataclass
class World:
    """Everything a month needs, made on demand."""

    clerk: Actor = field(default_factory=lambda: person("结算员"))
    finance: Actor = field(default_factory=lambda: person("周会计"))
    approver: Actor = field(default_factory=lambda: person("陈科长", "approver"))
    cashier: Actor = field(default_factory=lambda: person("吴出纳"))
    programme: Any = None
    providers: list[Any] = field(default_factory=list)
    enterprises: list[Any] = field(default_factory=list)
    records: int = 0

    def make_programme(self, **changes: Any) -> Programme:
        """Publish the demonstration edition with a budget in the books."""
        for year in (2026, 2027):
            if not CalendarYear.objects.filter(year=year).exists():
                store_year(year, [], source="测试", at=START)
        rules = parse_edition(EDITION.read_text())
        for path, value in changes.items():
            part, name = path.split("__")
            rules[part][name] = value
        self.programme = Programme.objects.create(
            slug=rules["edition"]["slug"],
            edition_no=1,
            title=rules["edition"]["title"],
            kind="COMPUTE",
            rules=rules,
            digest=digest_of(rules),
            cap_fen=50_000_000,
            state="published",
            published_at=START,
            locked_at=START,
        )
        people = {"actor": self.finance, "approved_by": self.approver}
        grant_budget(
            self.programme, 700_000_000, document_no="1号", at=START - timedelta(days=60), **people
        )
        return self.programme

    def book(self, kind: str, legs: Any, at: datetime) -> None:
        """Post plain transfers."""
        transfers = tuple(Transfer(new_id(), *leg) for leg in legs)
        post(Journal(new_id(), kind, at, transfers), actor=self.clerk, at=at)

    def make_provider(self, name: str = "普陀智算中心") -> Provider:
        """Admit a provider."""
        number = len(self.providers) + 1
        provider = Provider.objects.create(
            name=f"{name}{number}号",
            uscc=f"91310107MA1G{number:06d}",
            bank_name="示例银行普陀支行",
            bank_account_last4=f"{number:04d}",
            applied_at=START,
            admitted_at=START,
            state="admitted",
        )
        self.providers.append(provider)
        return provider

    def make_enterprise(self, name: str = "上海智绘算法科技有限公司") -> Enterprise:
        """Register an enterprise."""
        number = len(self.enterprises) + 1
        enterprise = Enterprise.objects.create(
            name=f"{name}{number}",
            uscc=f"91310107MA1E{number:06d}",
            registered_at=START,
            verified_at=START,
            state="active",
        )
        self.enterprises.append(enterprise)
        return enterprise

    def make_voucher(
        self, enterprise: Enterprise, face_fen: int = 10_000_000, days: int = 150
    ) -> Voucher:
        """Issue a voucher out of the budget, valid so many days from the first of October."""
        number = Voucher.objects.count() + 1
        application = Application.objects.create(
            application_no=f"PTSLQ-2026-{number:06d}",
            programme=self.programme,
            enterprise=enterprise,
            window_no=number,
            created_at=START,
            saved_at=START,
            submitted_at=START,
            requested_fen=face_fen,
            approved_fen=face_fen,
            **REVIEWED,
            state="issued",
        )
        voucher = Voucher.objects.create(
            voucher_no=f"PTSL-Q-2026-{number:06d}",
            programme=self.programme,
            enterprise=enterprise,
            application=application,
            face_fen=face_fen,
            valid_from=START - timedelta(days=30),
            valid_until=START + timedelta(days=days),
            issued_at=START - timedelta(days=30),
        )
        account = voucher.account
        legs = ((self.programme.account, account, face_fen, TransferCode.ISSUE),)
        self.book("voucher.issue", legs, START - timedelta(days=30))
        return voucher

    def make_offering(
        self,
        provider: Provider,
        *,
        gflops: int = 313_000,
        unit: str = "CARD_HOUR",
        price_fen: int = 550,
        domestic: bool = True,
    ) -> OfferingPrice:
        """Publish an offering with a filed price and a model with a rate."""
        number = AcceleratorModel.objects.count() + 1
        model = AcceleratorModel.objects.create(
            key=f"model-{number}", name=f"昇腾 910B-{number}", vendor="示例", domestic=domestic
        )
        AcceleratorRate.objects.create(
            model=model,
            gflops=gflops,
            version=1,
            valid_from=START - timedelta(days=90),
            source="厂商资料",
            grade="A",
            proposed_at=START,
            proposed_by_person="a",
            approved_by_person="b",
            state="approved",
        )
        Capacity.objects.create(
            provider=provider, model=model, device_count=10_000, state="approved",
            valid_from=START - timedelta(days=90), filed_at=START,
        )  # fmt: skip
        offering = Offering.objects.create(
            provider=provider,
            title=f"{model.name} 算力",
            model=model,
            created_at=START,
            state="published",
        )
        return OfferingPrice.objects.create(
            offering=offering,
            version=1,
            pricing_unit=unit,
            price_fen=price_fen,
            valid_from=START - timedelta(days=90),
            filed_at=START - timedelta(days=90),
        )

    def make_order(
        self,
        voucher: Voucher | None,
        price: OfferingPrice,
        *,
        held_fen: int = 5_000_000,
        estimated_fen: int = 12_500_000,
        months: int = 1,
        enterprise: Enterprise | None = None,
    ) -> Order:
        """Place and accept an order; its value is held on the voucher."""
        number = Order.objects.count() + 1
        order_id = new_id()
        provider = price.offering.provider
        hold = None
        if voucher is not None:
            hold = hold_amount(
                voucher,
                held_fen,
                order_ref=str(order_id),
                provider_ref=str(provider.pk),
                expires_at=START + timedelta(days=180),
                actor=self.clerk,
                at=START,
            )
        return Order.objects.create(
            id=order_id,
            order_no=f"PTSL-DD-2026-{number:06d}",
            enterprise=voucher.enterprise if voucher else enterprise,
            provider=provider,
            voucher=voucher,
            hold=hold,
            offering=price.offering,
            price=price,
            device_count=8,
            planned_hours=500,
            starts_at=START,
            ends_at=START + timedelta(days=31 * months),
            estimated_gross_fen=estimated_fen,
            share_bp=4_000,
            held_fen=held_fen if voucher else 0,
            placed_at=START,
            accepted_at=START,
            state="accepted",
        )

    def use(
        self,
        order: Order,
        *,
        hours: int,
        devices: int = 8,
        at: datetime = START + timedelta(days=1),
        state: str = "accepted",
        records: int = 1,
        received_at: datetime | None = None,
        settle_month: str = "",
        **more: Any,
    ) -> int:
        """Report usage of an order in equal records one after the other; return its quantity.

        ``more`` are further columns of each record, e.g. ``energy_kwh``.
        """
        rows = usage_rows(
            order, first=self.records + 1, count=records, at=at, hours=hours, devices=devices,
            state=state, settle_month=settle_month, received_at=received_at or at, **more,
        )  # fmt: skip
        self.records += records
        store_usage(rows)
        if state == "accepted":
            self._meter(order, rows)
        return sum(each.device_milli_seconds for each in rows)

    def _meter(self, order: Order, rows: list[UsageRecord]) -> None:
        """Post what was reported, per month, as metering does."""
        provider = str(order.provider_id)
        for month in sorted({row.settle_month for row in rows}):
            used = [row for row in rows if row.settle_month == month]
            amount = sum(row.device_milli_seconds * row.gflops for row in used)
            there, here = metered(provider, month), unmatched(provider, month)
            if amount:
                legs = ((there, here, -(-amount // 1000), TransferCode.METER),)
                self.book("metering.batch", legs, rows[0].received_at)

    def seat(self, name: str, *, enterprise: Any = None, provider: Any = None) -> Any:
        """Give a new account a seat; return the account."""
        user = get_user_model().objects.create_user(
            username=name, password="x", display_name=name, person_hash=f"person-{name}"
        )
        if enterprise is not None:
            EnterpriseSeat.objects.create(
                user=user, enterprise=enterprise, role="enterprise_admin", active=True
            )
        if provider is not None:
            ProviderSeat.objects.create(
                user=user, provider=provider, role="provider_admin", active=True
            )
        return user

    def seated(self, user: Any) -> Actor:
        """Return an account as an actor."""
        name, person = user.display_name, user.person_hash
        return Actor(kind="user", id=str(user.pk), name=name, role="seat", person=person)

    def close(
        self,
        month: Month = OCTOBER,
        *,
        carry_held: bool = False,
        at: datetime = CLOSE_AT,
        progress: Callable[[int, int, str], None] = quiet,
        at_once: int = 100,
    ) -> MonthClose:
        """Close a month by the same work a worker would do."""
        let_gaps_stand(month, self.clerk, self.approver, at)
        job = settling.close_month(month, carry_held=carry_held, actor=self.clerk, at=at)
        settling.run_close_work(job, progress, at_once=at_once)
        return MonthClose.objects.get(month=str(month))

    def confirm(self, statement: Statement, at: datetime = CLOSE_AT) -> None:
        """Let both sides say yes."""
        number = str(statement.pk)[-8:]
        for side, seat in (
            ("enterprise", {"enterprise": statement.enterprise}),
            ("provider", {"provider": statement.provider}),
        ):
            user = self.seat(f"{side}-{number}", **seat)
            settling.confirm_statement(
                statement, side=side, digest=statement.digest, actor=self.seated(user), at=at
            )

    def confirm_all(self, close: MonthClose) -> None:
        """Let both sides say yes to everything."""
        for statement in close.statements.filter(state="in_review"):
            self.confirm(statement)

    def approve(self, close: MonthClose, at: datetime = CLOSE_AT) -> MonthClose:
        """Confirm, prepare and approve a month."""
        self.confirm_all(close)
        prepared = settling.prepare_settlement(close, actor=self.finance, at=at)
        return settling.approve_settlement(
            prepared, digest=prepared.digest, actor=self.approver, at=at
        )

    def pay(self, close: MonthClose, at: datetime = CLOSE_AT) -> None:
        """List, sign, send and record every payment."""
        for line in send(self, close, at).lines.filter(state="sent"):
            named = {"bank_reference": f"B-{line.pk}", "paid_on": at.date()}
            settling.record_payment(line, **named, actor=self.cashier, at=at)


def small_world() -> tuple[World, Order]:
    """Return one enterprise with a voucher and a running order at one provider."""
    world = World()
    world.make_programme()
    provider = world.make_provider()
    voucher = world.make_voucher(world.make_enterprise())
    return world, world.make_order(voucher, world.make_offering(provider))


def work_of(month: Month = OCTOBER) -> Any:
    """Return the work row of a month's close."""
    return work.find("billing.close_month", str(month))


def fresh(thing: Any) -> Any:
    """Return a thing as the database has it now."""
    return type(thing).objects.get(pk=thing.pk)


def id_of(text: str) -> UUID:
    """Return an id typed in a test."""
    return UUID(text)
