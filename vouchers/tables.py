"""Read one table of an edition file: each value once, of its type, nothing left over.

Pure. A value that is missing, of the wrong type, out of its range or unknown is refused with its
place in the file, so that whoever drafts an edition can mend it at once.
"""

from datetime import date, datetime
from typing import Any, NoReturn

from ledger.amounts import BASIS_POINTS, parse_yuan
from ledger.refusals import Refused

MOST_FEN = 10**14  # one million million yuan: more is a slip of the unit


def refuse(place: str, sentence: str, *, code: str = "edition_invalid") -> NoReturn:
    """Refuse the edition, naming the place in the file."""
    raise Refused(code, f"方案文件 {place}：{sentence}。", field=place)


class Table:
    """One table of the file; remembers what was read, so that leftovers are found."""

    def __init__(self, values: Any, place: str) -> None:
        if not isinstance(values, dict):
            refuse(place, "应当是一个表")
        self._values: dict[str, Any] = values
        self._place = place
        self._read: set[str] = set()
        self._children: list[Table] = []

    def has(self, name: str) -> bool:
        """Tell whether an optional value is present."""
        return name in self._values

    def anything(self, name: str) -> Any:
        """Return a value as it stands."""
        self._read.add(name)
        if name not in self._values:
            refuse(self._at(name), "缺少这一项")
        return self._values[name]

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self.anything(name)
        if not isinstance(value, str) or not value.strip():
            refuse(self._at(name), "应当是非空文字")
        return value

    def yes(self, name: str) -> bool:
        """Return true or false."""
        value = self.anything(name)
        if not isinstance(value, bool):
            refuse(self._at(name), "应当是 true 或 false")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        """Return a whole number within its range."""
        value = self.anything(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            refuse(self._at(name), f"应当是 {least} 到 {most} 的整数")
        return value

    def bp(self, name: str) -> int:
        """Return basis points, 0 to 10000."""
        return self.whole(name, 0, BASIS_POINTS)

    def yuan(self, name: str) -> int:
        """Return an amount written in yuan as fen."""
        try:
            amount_fen = parse_yuan(self.text(name))
        except ValueError:
            refuse(self._at(name), '金额以元为单位写成文字，例如 "500000.00"')
        if amount_fen > MOST_FEN:
            refuse(self._at(name), "金额不能超过一万亿元，请核对单位")
        return amount_fen

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        """Return a word of a closed list."""
        value = self.text(name)
        if value not in known:
            refuse(self._at(name), f"“{value}”不在可选范围（{'、'.join(known)}）")
        return value

    def words(self, name: str, *, some: bool = True) -> tuple[str, ...]:
        """Return a list of different words; ``some`` asks for at least one."""
        value = self.anything(name)
        right = isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)
        if not right or (some and not value):
            refuse(self._at(name), "应当是非空的文字列表" if some else "应当是文字列表")
        if len(set(value)) != len(value):
            refuse(self._at(name), "列表中有重复的项")
        return tuple(value)

    def wholes(self, name: str, least: int, most: int) -> tuple[int, ...]:
        """Return a list of whole numbers within their range."""
        value = self.anything(name)
        if not isinstance(value, list) or not all(
            isinstance(v, int) and not isinstance(v, bool) and least <= v <= most for v in value
        ):
            refuse(self._at(name), f"应当是 {least} 到 {most} 的整数列表")
        return tuple(value)

    def yuans(self, name: str) -> tuple[int, ...]:
        """Return a list of amounts written in yuan as fen."""
        try:
            return tuple(parse_yuan(each) for each in self.words(name, some=False))
        except ValueError:
            refuse(self._at(name), '金额以元为单位写成文字，例如 ["10000.00", "50000.00"]')

    def names(self) -> tuple[str, ...]:
        """Return what stands in this table, in the order of the file."""
        return tuple(self._values)

    def day(self, name: str) -> date:
        """Return a calendar day."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            refuse(self._at(name), "应当是日期，例如 2026-07-01")

    def moment(self, name: str) -> datetime:
        """Return a moment with its time zone."""
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError:
            refuse(self._at(name), "应当是带时区的时刻，例如 2026-07-01T09:00:00+08:00")
        if value.tzinfo is None:
            refuse(self._at(name), "时刻必须带时区，例如 +08:00")
        return value

    def part(self, name: str) -> "Table":
        """Return a table inside this one."""
        child = Table(self.anything(name), self._at(name))
        self._children.append(child)
        return child

    def parts(self, name: str) -> list["Table"]:
        """Return a list of tables; an absent list is empty."""
        self._read.add(name)
        values = self._values.get(name, [])
        if not isinstance(values, list):
            refuse(self._at(name), "应当是一组表")
        children = [Table(v, f"{self._at(name)}[{i}]") for i, v in enumerate(values, start=1)]
        self._children.extend(children)
        return children

    def finish(self) -> None:
        """Refuse values nobody asked for, here and below: a typing slip must not pass silently."""
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            refuse(self._at(unknown[0]), "不认识这一项，请检查拼写")
        for child in self._children:
            child.finish()

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name
