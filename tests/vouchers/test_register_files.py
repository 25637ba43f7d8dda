"""Register files: every kind read, every fault told by its line, nothing half taken."""

from datetime import date

import pytest

from vouchers.register_files import KINDS, MOST_ROWS, READERS, read_register, template

CODE, OTHER = "91310107MAFAKE0195", "91310107MAFAKE0270"


def marked(number):
    return f"#{number[-4:]}"


def read(kind, *lines, coding="utf-8"):
    head = ",".join(each.rstrip("*") for each in KINDS[kind].columns)
    return read_register(kind, "\r\n".join([head, *lines]).encode(coding), marked)


GOOD = [  # kind, line, attributes of the row
    (
        "dishonesty", f"{CODE},甲公司,沪信〔2026〕1号,2026-01-05,",
        {"uscc": CODE, "document_no": "沪信〔2026〕1号", "listed_on": date(2026, 1, 5),
         "removed_on": None},
    ),
    (
        "abnormal", f"{CODE.lower()},甲公司,1号,2026/01/05,2026.03.01",
        {"removed_on": date(2026, 3, 1)},
    ),
    ("penalty", f"{CODE},甲公司,1号,2026-01-05,", {"name": "甲公司"}),
    (
        "funding", f"{CODE},甲公司,市级算力补贴,ht-2026-１,,\"10,000.00\"",
        {"document_no": "HT-2026-1", "amount_fen": 1_000_000, "other_name": "市级算力补贴"},
    ),
    ("large", f"{CODE},甲集团", {"uscc": CODE}),
    ("shareholding", f"{CODE},甲公司,{OTHER},乙公司,25.5", {"other": OTHER, "share_bp": 2550}),
    ("shareholding", f"{CODE},甲公司,310107199001011234,张三,100%", {"other": "#1234"}),
    (
        "profile", f"{CODE},甲公司,310107199001011234,6222,021-1,路 1 号",
        {"values": {"legal_person": "#1234", "account": "#6222", "phone": "021-1",
                    "address": "路 1 号"}},
    ),
    (
        "figures", f"{CODE},甲公司,2025-12-31,i6513,36,820.5,",
        {"listed_on": date(2025, 12, 31),
         "values": {"industry": "I6513", "employees": 36, "revenue_fen": 820_500_000}},
    ),
    (
        "certificate", f"{CODE},甲公司,高新技术企业,GR1,2024-01-01,2026-12-31",
        {"other_name": "高新技术企业", "removed_on": date(2026, 12, 31)},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "wanted"), GOOD)
def test_a_line_of_each_kind_is_read(kind, line, wanted):
    for coding in ("utf-8", "utf-8-sig", "gb18030"):
        reading = read(kind, line, coding=coding)
        assert reading.faults == ()
        (row,) = reading.rows
        assert {name: getattr(row, name) for name in wanted} == wanted
        assert row.line_no == 2


BAD = [
    ("large", "123,甲公司", "第 2 行：代码应为 18 位"),
    ("large", f"{CODE},", "“名称”没有填写"),
    ("large", f"{CODE}", "应有 2 列，实有 1 列"),
    ("large", f"{CODE},=HYPERLINK(1)", "可能是公式"),
    ("large", f"{CODE},甲\u202e公司", "看不见的控制字符"),
    ("dishonesty", f"{CODE},甲公司,1号,去年,", "“列入日期”应写成"),
    ("dishonesty", f"{CODE},甲公司,1号,2026-02-01,2026-01-01", "移出日期早于列入日期"),
    ("funding", f"{CODE},甲公司,补贴,HT1,,一万", "金额应写成数字"),
    ("shareholding", f"{CODE},甲公司,{OTHER},乙公司,0", "须大于 0"),
    ("shareholding", f"{CODE},甲公司,{OTHER},乙公司,100.01", "不超过 100"),
    ("shareholding", f"{CODE},甲公司,{OTHER},乙公司,25.555", "最多两位小数"),
    ("shareholding", f"{CODE},甲公司,{OTHER},乙公司,多数", "应是数字"),
    ("figures", f"{CODE},甲公司,2025-12-31,软件,36,,", "第 2 行"),
    ("figures", f"{CODE},甲公司,2025-12-31,,三十,,", "应是整数"),
    ("figures", f"{CODE},甲公司,2025-12-31,,,-1,", "不小于 0"),
    ("certificate", f"{CODE},甲公司,高企,1,2026-01-01,2025-01-01", "有效期止早于"),
]


@pytest.mark.parametrize(("kind", "line", "words"), BAD)
def test_a_faulty_line_is_told(kind, line, words):
    reading = read(kind, line)
    assert reading.rows == ()
    ((line_no, sentence),) = reading.faults
    assert line_no == 2
    assert words in sentence
    assert sentence.endswith("。")


FILES = [
    (b"", "文件是空的"),
    (b"\xff\xfe\xff", "编码无法识别"),
    ("名称\r\n甲".encode(), "缺少列：统一社会信用代码"),
    ("统一社会信用代码,名称,备注\r\n".encode(), "没有这一列：备注"),
    ("统一社会信用代码,名称,名称\r\n".encode(), "列名重复"),
    (b"x" * 5_000_001, "不能超过 5 MB"),
    (("统一社会信用代码,名称\r\n" + "a,b\r\n" * (MOST_ROWS + 1)).encode(), "一次最多"),
]


@pytest.mark.parametrize(("content", "words"), FILES)
def test_a_file_that_cannot_be_read_says_why(content, words):
    reading = read_register("large", content, marked)
    assert reading.rows == ()
    assert words in reading.faults[0][1]


def test_all_faulty_lines_are_told_and_a_line_twice_is_one():
    reading = read("large", f"{CODE},甲", "1,乙", f"{CODE},甲", "2,丙")
    assert [line_no for line_no, _ in reading.faults] == [3, 4, 5]
    assert "与第 2 行重复" in reading.faults[1][1]


def test_every_kind_has_a_reader_and_a_template_that_can_be_filled():
    assert set(READERS) == set(KINDS)
    assert template("large") == "统一社会信用代码,名称\r\n"
    for kind in KINDS:
        assert read_register(kind, template(kind).encode(), marked).faults == ()
