"""The form of the queue's filters: everything optional, the address keeps what was chosen."""

from typing import Any

from django import forms
from django.http import QueryDict

from ledger.amounts import parse_yuan
from vouchers.forms import QuietForm
from vouchers.models import Application
from vouchers.pages_queue import TABS, Asked
from vouchers.questions import STREETS
from vouchers.sizing import SECTORS

ANY = [("", "不限")]
LEFT = [*ANY, ("over", "已超期"), ("1", "剩 1 个工作日以内"), ("3", "剩 3 个工作日以内")]
FLAGS = [*ANY, ("some", "有须留意的项目"), ("none", "全部符合")]
STATES = [each for each in Application.State.choices if each[0] != "draft"]
DAY = {"placeholder": "2026-09-01", "autocomplete": "off"}
MONEY = {"inputmode": "decimal", "autocomplete": "off"}


class QueueForm(QuietForm):
    """Filters of the queue; a field that cannot be read filters nothing and says so."""

    q = forms.CharField(
        label="受理编号、企业名称或信用代码",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.MultipleChoiceField(
        label="状态", required=False, choices=STATES, widget=forms.CheckboxSelectMultiple
    )
    street = forms.ChoiceField(label="街镇", required=False, choices=[*ANY, *STREETS])
    sector = forms.ChoiceField(
        label="行业",
        required=False,
        choices=[*ANY, *((each.code, each.title) for each in SECTORS.values())],
    )
    least = forms.CharField(
        label="申请金额不低于（元）", required=False, widget=forms.TextInput(attrs=MONEY)
    )
    most = forms.CharField(
        label="申请金额不高于（元）", required=False, widget=forms.TextInput(attrs=MONEY)
    )
    since = forms.DateField(
        label="提交日期自", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label="提交日期至", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d")
    )
    left = forms.ChoiceField(label="剩余时限", required=False, choices=LEFT)
    flags = forms.ChoiceField(label="自动核验", required=False, choices=FLAGS)
    handler = forms.ChoiceField(label="经办人", required=False)

    def __init__(self, *args: Any, handlers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["handler"].choices = [*ANY, *handlers]  # type: ignore[attr-defined]

    def narrow(self) -> list[Any]:
        """Return the fields that stand side by side on the page."""
        return [self[name] for name in self.fields if name not in ("q", "state")]

    def clean_least(self) -> int | None:
        """Read the lower end of the range in yuan."""
        return _fen(self.cleaned_data["least"])

    def clean_most(self) -> int | None:
        """Read the upper end of the range in yuan."""
        return _fen(self.cleaned_data["most"])

    def asked(self, tab: str, sort: str) -> Asked:
        """Return what was asked for; of a field that cannot be read, nothing."""
        self.is_valid()
        told = self.cleaned_data
        return Asked(
            tab=tab,
            sort=sort,
            words=told.get("q", "").strip(),
            states=tuple(told.get("state") or ()),
            street=told.get("street", ""),
            sector=told.get("sector", ""),
            least_fen=told.get("least"),
            most_fen=told.get("most"),
            since=told.get("since"),
            until=told.get("until"),
            left=told.get("left", ""),
            flags=told.get("flags", ""),
            handler=told.get("handler", ""),
        )


def _fen(typed: str) -> int | None:
    if not typed.strip():
        return None
    try:
        return parse_yuan(typed)
    except ValueError as fault:
        raise forms.ValidationError("金额应写成数字，例如 8800.00。") from fault


def asked_of(told: QueryDict, people: list[Any]) -> tuple[QueueForm, Asked]:
    """Read the query of an address: the form to show, and what it asks for."""
    handlers = [(str(each.pk), each.display_name) for each in people]
    form = QueueForm(told, handlers=handlers)
    known = {code for code, _ in TABS}
    narrowed = any(told.get(name) for name in form.fields)
    tab = told.get("tab", "all" if narrowed else "open")
    return form, form.asked(tab if tab in known else "open", told.get("sort", ""))


def kept(told: QueryDict) -> str:
    """Return the query of an address without the place in the list and without empty filters."""
    wanted = ("tab", "sort", *QueueForm.base_fields)
    query = QueryDict(mutable=True)
    for name in wanted:
        query.setlist(name, [each for each in told.getlist(name) if each])
    return query.urlencode()
