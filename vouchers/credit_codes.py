"""Check a unified social credit code (统一社会信用代码) and say what is wrong with it.

Pure. The code is trimmed, turned to half width and upper case, nothing more: a likely slip (O for
0) is named, never corrected. Early pilot codes are legal and fail the arithmetic: they are flagged
for a person to look at, not refused.

Source: GB 32100-2015 (outer check, mod 31), GB 11714 (inner check, positions 9 to 17, mod 11).
"""

import unicodedata
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: without I, O, S, V, Z
LENGTH = 18
OLD_LENGTH = 15  # registration numbers before October 2015
WEIGHTS = tuple(3**i % 31 for i in range(17))
INNER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
INNER = slice(8, 16)
LIKELY = {"O": "0", "I": "1", "S": "5", "Z": "2", "V": "U"}
LOOK_ALIKES = ("0D", "0Q", "8B", "6G", "1L", "2Z", "5S", "UV", "MN", "17")
PILOT_BODY = "M0001"  # organisation part of the 2015 pilot codes, seen in Fujian
AUTHORITIES = {"1": "机构编制", "5": "民政", "9": "市场监管", "Y": "其他"}
KINDS = {
    "91": "企业",
    "92": "个体工商户",
    "93": "农民专业合作社",
    "51": "社会团体",
    "52": "民办非企业单位",
    "53": "基金会",
    "11": "机关",
    "12": "事业单位",
}


@dataclass(frozen=True)
class CodeCheck:
    """What a code says: ``outcome`` is ``ok``, ``flag`` (a person decides) or ``bad``.

    Args:
        code: the code, normalised.
        reason: stable word for machines, empty when ok.
        message: Chinese sentence: what is wrong, the likely cause, how to mend it.
        may_insist: a code whose only fault is the arithmetic may be sent for a check by hand.
    """

    code: str
    outcome: str
    reason: str = ""
    message: str = ""
    may_insist: bool = False

    @property
    def kind(self) -> str:
        """Return the kind of body the first two characters stand for."""
        return KINDS.get(self.code[:2], AUTHORITIES.get(self.code[:1], "其他"))

    @property
    def division(self) -> str:
        """Return the division code of the *first* registration; it proves no present address."""
        return self.code[2:8]


def normalise(text: str) -> str:
    """Trim, full width to half width, upper case; nothing is corrected."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def outer_check(body: str) -> str:
    """Return the 18th character that belongs to the first 17."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(body, WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def inner_check(body: str) -> str:
    """Return the check character of the eight characters of an organisation code."""
    total = sum(int(c, 36) * w for c, w in zip(body, INNER_WEIGHTS, strict=True))
    rest = 11 - total % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def check(text: str) -> CodeCheck:
    """Judge a code as somebody typed it."""
    code = normalise(text)
    fault = _form_fault(code)
    if fault:
        return CodeCheck(code, "bad", *fault)
    outer, inner = outer_check(code[:17]), inner_check(code[INNER])
    if code[17] == outer and code[16] == inner:
        return CodeCheck(code, "ok")
    if code[8:].startswith(PILOT_BODY):
        return CodeCheck(
            code,
            "flag",
            "pilot_code",
            "这是早期试点发放的代码，末位不按现行规则计算。可以继续办理，经办人会对照营业执照核实。",
            may_insist=True,
        )
    reason, sentence = _check_fault(code, outer, inner)
    return CodeCheck(code, "bad", reason, sentence + _cause(code), may_insist=True)


def _form_fault(code: str) -> tuple[str, str] | None:
    """Return (reason, sentence) for a text that cannot be a code at all."""
    if not code:
        return "empty", "请输入统一社会信用代码，就是营业执照上的 18 位代码。"
    if any(c.isspace() or c in "-－_·." for c in code):
        return "separator", "代码中间有空格或连字符，请去掉，18 位连写。"
    if len(code) == OLD_LENGTH and code.isdigit():
        return "old_number", "这是 15 位的旧注册号，请改填营业执照上的 18 位统一社会信用代码。"
    if len(code) != LENGTH:
        return (
            "length",
            f"代码应为 18 位，现在是 {len(code)} 位，请对照营业执照检查是否漏填或多填。",
        )
    return _letter_fault(code)


def _letter_fault(code: str) -> tuple[str, str] | None:
    for position, character in enumerate(code, start=1):
        if character in LIKELY:
            return (
                "letter",
                f"第 {position} 位“{character}”不会出现在代码里（不用字母 I、O、S、V、Z），"
                f"很可能是“{LIKELY[character]}”，请对照营业执照更正。",
            )
        if character not in ALPHABET:
            return "character", f"第 {position} 位“{character}”不是数字或大写字母，请更正。"
    return None


def _check_fault(code: str, outer: str, inner: str) -> tuple[str, str]:
    if code[16] == inner:
        return (
            "check_18",
            "代码第 18 位校验码不正确（第 9 至 17 位无误），请对照营业执照检查。",
        )
    if code[17] == outer:
        return "check_17", "代码第 9 至 17 位（组织机构代码）的校验码不正确，请对照营业执照检查。"
    return "check_both", "代码的两个校验码都不正确，请对照营业执照逐位检查。"


def _cause(code: str) -> str:
    """Name the one slip that would explain the failure, if there is exactly one.

    Only slips in positions 9 to 18 are named: there two checks speak for the guess.
    """
    body = range(8, LENGTH)
    swapped = [i for i in body[:-1] if code[i] != code[i + 1] and _passes(_swap(code, i))]
    if len(swapped) == 1:
        return f"可能是第 {swapped[0] + 1}、{swapped[0] + 2} 位写反了。"
    alike = [
        (i, other)
        for i in body[:-1]
        for other in _twins(code[i])
        if _passes(code[:i] + other + code[i + 1 :])
    ]
    if len(alike) == 1:
        position, other = alike[0]
        return f"可能是第 {position + 1} 位把“{other}”看成了“{code[position]}”。"
    return ""


def _twins(character: str) -> list[str]:
    """Return the characters that are easily read as this one."""
    pairs = [pair for pair in LOOK_ALIKES if character in pair]
    return [c for pair in pairs for c in pair if c != character and c in ALPHABET]


def _swap(code: str, i: int) -> str:
    return code[:i] + code[i + 1] + code[i] + code[i + 2 :]


def _passes(code: str) -> bool:
    return outer_check(code[:17]) == code[17] and inner_check(code[INNER]) == code[16]
