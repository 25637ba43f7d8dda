"""The editor's forms, built from the catalogue, a chapter a page; the rules judge, not the form."""

import re
from typing import Any

from django import forms

from ledger.refusals import Refused
from vouchers.edition_words import read, typed
from vouchers.forms import QuietForm
from vouchers.parameters import KINDS, Chapter, Parameter

AREAS = {"long": 3, "words": 3, "wholes": 3, "yuans": 4, "bands": 4, "table": 4, "value": 3}
YES = (("", "请选择"), ("yes", "是"), ("no", "否"))
ITEM = re.compile(r"\[(\d+)\](?:\.(\w+))?")
PLACE = re.compile(r"^方案文件 \S+：")
MOST_ROWS = 200


class CopyForm(QuietForm):
    """A new edition from an existing one."""

    title = forms.CharField(label="方案名称", max_length=100, required=False)
    slug = forms.CharField(
        label="方案代号",
        help_text="不改就是同一方案的下一版；换一个代号就是另一个方案，预算和上限分开计算。",
        max_length=60,
        required=False,
    )
    kind = forms.ChoiceField(label="券种", choices=KINDS)


class ChapterForm(QuietForm):
    """One chapter: its values, and a card for each item of its list with a blank one at the end."""

    digest = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, chapter: Chapter, rules: Any, digest: str, data: Any = None) -> None:
        super().__init__(data, initial={"digest": digest})
        self.chapter, self.rules = chapter, rules
        self.kept: list[int] = []
        for each in chapter.flat():
            self._ask(each, each.name, self._standing(each))
        self.rows = self._rows(data)
        for row in range(self.rows):
            self._ask_row(row)

    def content(self) -> Any:
        """Return the chapter as the file holds it; blank and removed items are left out."""
        chapter = self.chapter
        values = self._table(chapter.parameters, "")
        if chapter.below:
            values[chapter.below[0]] = self._table(chapter.below[1], "")
        if chapter.items is None:
            return values
        items = self._items()
        if chapter.listed:
            return items
        if items or chapter.items.name in self.rules:
            values[chapter.items.name] = items
        return values

    def tell(self, refused: Refused) -> None:
        """Put a refusal of the rules on the field it speaks of, or over the form."""
        field = self._field_of(refused.field)
        sentence = PLACE.sub("", refused.message) if field else refused.message
        self.add_error(field, sentence)

    def cards(self) -> list[dict[str, Any]]:
        """Return the items for the page: title, fields, whether it is the blank one."""
        items = self.chapter.items
        if items is None:
            return []
        cards = []
        for row in range(self.rows):
            fields = [self[f"{row}-{each.name}"] for each in items.parameters]
            blank = row == self.rows - 1
            first = str(fields[0].value() or "")
            title = f"新增{items.title}" if blank else f"{items.title} {first or row + 1}"
            remove = None if blank else self[f"{row}-remove"]
            cards.append({"title": title, "fields": fields, "remove": remove})
        return cards

    def plain_fields(self) -> list[Any]:
        """Return the fields that belong to no item."""
        return [self[each.name] for each in self.chapter.flat()]

    def _rows(self, data: Any) -> int:
        items = self.chapter.items
        if items is None:
            return 0
        if data is not None:
            told = {int(n) for n in (k.split("-")[0] for k in data) if n.isdigit() and len(n) < 4}
            return min(max(told, default=0) + 1, MOST_ROWS)
        return len(self._standing_items()) + 1

    def _standing_items(self) -> list[Any]:
        items = self.chapter.items
        assert items is not None
        found = self.rules if self.chapter.listed else self.rules.get(items.name, [])
        return list(found)

    def _standing(self, parameter: Parameter) -> str:
        below = self.chapter.below
        table = self.rules
        if below and parameter in below[1]:
            table = self.rules.get(below[0], {})
        return typed(parameter, table.get(parameter.name))

    def _ask_row(self, row: int) -> None:
        items, standing = self.chapter.items, self._standing_items()
        assert items is not None
        table = standing[row] if row < len(standing) else {}
        for each in items.parameters:
            self._ask(each, f"{row}-{each.name}", typed(each, table.get(each.name)))
        self.fields[f"{row}-remove"] = forms.BooleanField(label="删除这一项", required=False)

    def _ask(self, parameter: Parameter, name: str, value: str) -> None:
        told: dict[str, Any] = {
            "label": parameter.title,
            "help_text": parameter.hint,
            "required": not parameter.optional,
            "initial": value,
        }
        if parameter.kind in ("yes", "choice"):
            choices = YES if parameter.kind == "yes" else (("", "请选择"), *parameter.choices)
            field: forms.Field = forms.ChoiceField(choices=choices, **told)
        elif rows := AREAS.get(parameter.kind):
            field = forms.CharField(widget=forms.Textarea(attrs={"rows": rows}), **told)
        else:
            field = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}), **told)
        self.fields[name] = field

    def _clean_fields(self) -> None:
        """Leave judging to the rules."""

    def _text(self, name: str) -> str:
        return str(self.data.get(name, ""))

    def _table(self, parameters: tuple[Parameter, ...], before: str) -> dict[str, Any]:
        values = {}
        for each in parameters:
            text = self._text(f"{before}{each.name}")
            if text.strip() or not each.optional:
                values[each.name] = read(each, text, self._text(f"{before}test"))
        return values

    def _items(self) -> list[dict[str, Any]]:
        items, found = self.chapter.items, []
        assert items is not None
        self.kept = []
        for row in range(self.rows):
            texts = [self._text(f"{row}-{each.name}").strip() for each in items.parameters]
            if any(texts) and not self._text(f"{row}-remove"):
                self.kept.append(row)
                found.append(self._table(items.parameters, f"{row}-"))
        return found

    def _field_of(self, place: str) -> str | None:
        """Return the form's field for a place such as ``ratio.bonus[1].add_bp``."""
        if place.split(".")[0].split("[")[0] != self.chapter.code:
            return None
        if found := ITEM.search(place):
            no = int(found[1]) - 1
            row = self.kept[no] if no < len(self.kept) else no
            items = self.chapter.items
            first = items.parameters[0].name if items else ""
            name = f"{row}-{found[2] or first}"
            return name if name in self.fields else None
        return next((n for n in reversed(place.split(".")) if n in self.fields), None)
