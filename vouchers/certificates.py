"""The certificate of a voucher on paper, and what anybody may know of it by its check code."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from ledger.capitals import capital_amount
from ledger.check_codes import grouped, read_code
from ledger.periods import day_of
from ledger.printing import print_page, qr_svg, svg_address
from ledger.refusals import Refused
from vouchers.models import Voucher

ISSUER = "上海市普陀区数据局"
KINDS = {"COMPUTE": "算力券", "MODEL": "模型券", "CORPUS": "语料券"}
#: How a voucher that can no longer be used is spoken of, here and on the verification page.
ENDED = {
    "used_up": "已用完",
    "expired": "已过期，不能再使用",
    "revoked": "已撤销，不能再使用",
    "surrendered": "已由企业放弃，不能再使用",
}


def certificate(voucher: Voucher, at: datetime) -> bytes:
    """Return the certificate of a voucher as PDF; the same voucher gives the same bytes.

    Raises:
        Refused: a voucher from before check codes, or this machine cannot make PDFs.
    """
    if not voucher.check_code:
        raise Refused("no_code", "这张券发放时还没有核验码，不能出具凭证。请联系区数据局。")
    application, programme = voucher.application, voucher.programme
    content = {
        "issuer": ISSUER,
        "voucher_no": voucher.voucher_no,
        "issued_at": voucher.issued_at,
        "code": grouped(voucher.check_code),
        "face_fen": voucher.face_fen,
        "capital": capital_amount(voucher.face_fen),
        "enterprise": voucher.enterprise.name,
        "uscc": voucher.enterprise.uscc,
        "programme": programme.title,
        "edition_no": programme.edition_no,
        "kind": KINDS.get(programme.kind, programme.kind),
        "valid_from": voucher.valid_from,
        "last_day": voucher.last_day,
        "application_no": application.application_no,
        "set_no": voucher.set_no,
        "set_size": application.vouchers.count(),
        "issue_digest": voucher.issue_digest,
        "ended": standing(voucher, at)[1] if standing(voucher, at)[0] != "valid" else "",
    }
    digest = hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).digest()
    address = f"{settings.PUBLIC_ORIGIN}/public/verify/{voucher.check_code}"
    context = {"c": content, "qr": svg_address(qr_svg(address))}
    page = render_to_string("paper/certificate.html", context)
    return print_page(page, made_at=voucher.issued_at, digest=digest).content


def standing(voucher: Voucher, at: datetime) -> tuple[str, str]:
    """Return how a voucher stands now, as a word of ours and one for people."""
    if voucher.state in ENDED:
        return voucher.state, ENDED[voucher.state]
    if at >= voucher.valid_until:
        return "expired", ENDED["expired"]
    if voucher.frozen:
        return "frozen", "已冻结，暂不能使用"
    return "valid", "真实有效"


def voucher_with_code(typed: str) -> Voucher | None:
    """Return the voucher whose check code somebody typed, forgiving slips of the hand."""
    code = read_code(typed)
    if code is None:
        return None
    return Voucher.objects.with_parties().filter(check_code=code).first()


def public_rows(voucher: Voucher) -> list[dict[str, Any]]:
    """Return what anybody may know of a voucher: nothing about persons, nothing about balances."""
    return [
        {"key": "券号", "value": voucher.voucher_no},
        {"key": "持券企业", "value": voucher.enterprise.name},
        {"key": "方案", "value": str(voucher.programme)},
        {"key": "面额", "value": f"￥{voucher.face_fen // 100:,}.{voucher.face_fen % 100:02d}"},
        {"key": "发放日期", "value": str(day_of(voucher.issued_at))},
        {"key": "有效期至", "value": f"{voucher.last_day}（含当日）"},
        {"key": "发放摘要（SHA-256）", "value": voucher.issue_digest},
        {"key": "核验码", "value": grouped(voucher.check_code or "")},
    ]
