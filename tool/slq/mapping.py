"""The mapping file (TOML): what the operator declares because no export says it.

[orders]                  # group of the export (account, namespace, cluster) = order number
"team-a" = "O-2026-0001"
"*" = "O-2026-0002"       # every other group; leave it out and unknown groups are refused

[models]                  # their name of a model = the registry's
"NVIDIA A100-SXM4-80GB" = "nvidia-a100"

[shares]                  # slice of a device = thousandths
"1g.10gb" = 142

[devices]                 # --from openstack: instance type = its accelerators (else its vCPUs)
"g1.a100x4" = 4

[columns]                 # --from csv: our field = their column
[fixed]                   # --from csv: our field = the same value in every row
[file]                    # --from csv: encoding, delimiter, time_form, group
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from slq.outcomes import Exit, Stopped
from slq.times import Unclear
from slq.words import Speech

_TABLES = ("orders", "models", "shares", "devices", "columns", "fixed", "file")
_FILE = frozenset({"encoding", "delimiter", "time_form", "group"})
#: What a record may say, in the order of the columns we write.
FIELDS = (
    "record_id", "order_no", "device_model", "device_count", "started_at",
    "share_milli", "ended_at", "basis", "job_state", "job_ref", "utilisation_pct",
    "energy_kwh", "device_seconds", "corrects", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """What a mapping file declares."""

    orders: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)

    def order_of(self, group: str) -> str:
        """Return the order of a group.

        Raises:
            Unclear: none is declared.
        """
        order = self.orders.get(group) or self.orders.get("*")
        if not order:
            raise Unclear("no_order", group=group)
        return order

    def model_of(self, name: str) -> str:
        """Return the registry's name of a model, or theirs where nothing is declared."""
        return self.models.get(name, name)

    def share_of(self, name: str) -> str:
        """Return the thousandths of a slice; a whole device has no slice.

        Raises:
            Unclear: none is declared.
        """
        if not name:
            return "1000"
        if name not in self.shares:
            raise Unclear("share_missing", name=name)
        return self.shares[name]


def read_mapping(path: Path, speech: Speech) -> Mapping:
    """Read a mapping file, strictly.

    Raises:
        Stopped: no TOML, or something in it that nobody would read.
    """
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: {str(key): _plain(value) for key, value in table.items()}
            for name, table in known.items()
        }
        _insist(tables)
    except (OSError, ValueError, AttributeError) as error:
        sentence = speech("map_form", path=path, why=str(error))
        raise Stopped(Exit.USAGE, sentence) from error
    return Mapping(**tables)


def _insist(tables: dict[str, dict[str, str]]) -> None:
    strange = sorted(set(tables) - set(_TABLES))
    strange += sorted(set(tables.get("file", {})) - _FILE)
    for name in ("columns", "fixed"):
        strange += sorted(set(tables.get(name, {})) - set(FIELDS))
    if strange:
        raise ValueError(f"unknown: {', '.join(strange)}")


def _plain(value: object) -> str:
    if type(value) not in (str, int):
        raise ValueError(f"text or a whole number is needed, not {value!r}")
    return str(value)


_NEEDED = ("started_at", "ended_at", "device_model", "device_count")


def sample_mapping(columns: list[str]) -> str:
    """Return a mapping file to begin with; columns that bear our names are filled in.

    Every line that its owner must decide is a comment until it is decided.
    """
    named = [name for name in FIELDS if name in columns]
    lines = [f"{name} = {_quoted(name)}" for name in named]
    lines += [f"# {name} = {_quoted('列名')}" for name in _NEEDED if name not in named]
    spare = [each for each in columns if each not in named]
    if spare:
        lines.append("# 文件中其余的列 / other columns of the file: " + "、".join(spare))
    return _SAMPLE.replace("@COLUMNS@", "\n".join(lines))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_SAMPLE = """\
# 映射文件：声明导出文件里没有写明的内容。去掉行首的 # 即生效。
# Mapping file: what the export does not say. Remove the # to make a line count.

[orders]  # 分组（账号、命名空间、集群）= 订单号；没有列出的分组不会被转换
# "team-a" = "订单号"
# "*" = "其余分组的订单号"

[models]  # 对方的型号名 = 登记的型号
# "NVIDIA A100-SXM4-80GB" = "nvidia-a100"

[shares]  # 切分规格 = 一张卡的千分之几
# "1g.10gb" = 142

[columns]  # --from csv：本系统字段 = 文件中的列名
@COLUMNS@

[fixed]  # --from csv：每行相同的值
# device_model = "nvidia-a100"

[file]  # --from csv：编码、分隔符、时间写法（strptime）、作为分组的列
# encoding = "gb18030"
# delimiter = ";"
# time_form = "%Y/%m/%d %H:%M"
# group = "列名"
"""
