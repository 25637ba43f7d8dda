"""What people may write: names, sentences, phone numbers, addresses of mail.

Pure. Rare Han characters and the dot of minority names are welcome; what cannot be seen or turns
the reading direction is not. Markup is ordinary text here: pages escape it.
"""

import re
import unicodedata

INVISIBLE = {"Cf", "Cc", "Cs", "Co", "Cn"}
PHONE = re.compile(r"1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}(?:-[0-9]{1,6})?")
MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,190}$)[\w-]+(?:\.[\w-]+)+")
LONGEST_NAME = 100


def clean_text(text: str, *, longest: int, lines: bool = False) -> str:
    """Return a text trimmed, or say what is wrong with it.

    Raises:
        ValueError: too long, or it holds characters that cannot be seen or turn the direction.
    """
    trimmed = text.replace("\r\n", "\n").strip()
    if len(trimmed) > longest:
        raise ValueError(f"最多 {longest} 个字，现在是 {len(trimmed)} 个字，请精简")
    for position, character in enumerate(trimmed, start=1):
        if lines and character in "\n\t":
            continue
        if unicodedata.category(character) in INVISIBLE:
            raise ValueError(f"第 {position} 个字符是看不见的控制字符，请删除后重新输入")
    return trimmed


def clean_name(text: str) -> str:
    """Return the name of a person or a body: at least two characters, no symbols, no emoji.

    Raises:
        ValueError: what is wrong and how to mend it.
    """
    name = clean_text(text, longest=LONGEST_NAME)
    if len(name) < 2:
        raise ValueError("名称至少两个字，请填写全称")
    for character in name:
        if unicodedata.category(character) in {"So", "Sk"}:
            raise ValueError(f"名称里不能有符号“{character}”，请删除")
    return name


def clean_phone(text: str) -> str:
    """Return a phone number without blanks and country code.

    Raises:
        ValueError: neither a mobile nor a landline number of the mainland.
    """
    digits = re.sub(r"[\s()（）]", "", unicodedata.normalize("NFKC", text))
    digits = re.sub(r"^(?:\+|00)86-?", "", digits)
    if not PHONE.fullmatch(digits):
        raise ValueError("请填写 11 位手机号，或带区号的固定电话，例如 021-12345678")
    return digits


def clean_mail(text: str) -> str:
    """Return a mail address.

    Raises:
        ValueError: not an address, too long, or with line breaks inside.
    """
    trimmed = text.strip()
    if len(trimmed) > 254 or not MAIL.fullmatch(trimmed):
        raise ValueError("邮箱地址格式不正确，例如 name@example.cn")
    return trimmed
