"""What a witness shows to anybody: its keys, the latest tree of each log, its evidence."""

import hashlib
import json
from datetime import UTC, datetime
from html import escape
from typing import Any

from ledger.cosigning import Cosigner
from ledger.signing import to_base64
from ledger.witness.judging import Witness
from ledger.witness.memory import Evidence, Seen

MOST_SHOWN = 100


def moment(at: int) -> str:
    """Return seconds since 1970 as a date and time (UTC)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _log(seen: Seen) -> dict[str, Any]:
    return {
        "origin": seen.origin,
        "size": seen.size,
        "root": to_base64(seen.root),
        "at": moment(seen.at),
        "checkpoint": seen.note + seen.lines,
    }


def cosigned_checkpoint(witness: Witness, origin_hash: str) -> str | None:
    """Return the latest checkpoint of a log with the lines of this witness, for monitors.

    Args:
        origin_hash: SHA-256 of the log's origin in hexadecimal.
    """
    for each in witness.memory.logs():
        if hashlib.sha256(each.origin.encode()).hexdigest() == origin_hash:
            return each.note + each.lines
    return None


def evidence_as_dict(found: Evidence) -> dict[str, Any]:
    """Return evidence as JSON-ready texts and numbers."""
    return {
        "number": found.number,
        "kind": found.kind,
        "origin": found.origin,
        "at": moment(found.at),
        "old_size": found.old_size,
        "proof": found.proof.split(),
        "held": found.held,
        "offered": found.offered,
    }


def _keys(cosigner: Cosigner) -> list[str]:
    return [each.text for each in cosigner.keys]


def state(witness: Witness) -> dict[str, Any]:
    """Return everything the page tells, for a program."""
    found = witness.memory.evidence(MOST_SHOWN)
    return {
        "name": witness.cosigner.name,
        "keys": _keys(witness.cosigner),
        "known": sorted(witness.logs),
        "logs": [_log(each) for each in witness.memory.logs()],
        "evidence": [evidence_as_dict(each) for each in found],
    }


def as_json(told: object) -> str:
    """Return readable JSON."""
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def page(witness: Witness) -> str:
    """Return the page for people."""
    told = state(witness)
    forks = [each for each in told["evidence"] if each["kind"] == "fork"]
    sentence = (
        f"注意：已留存 {len(forks)} 份分叉证据，日志曾对同一长度签发两个不同的树根。"
        if forks
        else "至今没有见到日志分叉。"
    )
    rows = "".join(
        f"<tr><td>{escape(each['origin'])}</td><td>{each['size']}</td>"
        f"<td><code>{escape(each['root'])}</code></td><td>{each['at']}</td></tr>"
        for each in told["logs"]
    )
    keys = "".join(f"<li><code>{escape(_shortened(each))}</code></li>" for each in told["keys"])
    waiting = [
        each for each in told["known"] if each not in {one["origin"] for one in told["logs"]}
    ]
    quiet = f"<p>还没有收到检查点的日志：{escape('、'.join(waiting))}</p>" if waiting else ""
    name = escape(told["name"])
    return (
        '<!DOCTYPE html>\n<html lang="zh-Hans"><head><meta charset="utf-8">'
        f"<title>日志见证 {name}</title></head><body>"
        f"<h1>日志见证 {name}</h1><p><strong>{sentence}</strong></p>"
        "<table><caption>每份日志已见证的最大检查点</caption><thead><tr>"
        '<th scope="col">日志</th><th scope="col">条数</th><th scope="col">树根</th>'
        f'<th scope="col">见证时间</th></tr></thead><tbody>{rows}</tbody></table>{quiet}'
        f"<h2>见证公钥</h2><ul>{keys}</ul>"
        '<p><a href="/?format=json">全部内容（JSON，含完整公钥与检查点）</a> '
        '<a href="/evidence">证据（JSON）</a></p></body></html>\n'
    )


def _shortened(vkey: str) -> str:
    return vkey if len(vkey) < 200 else f"{vkey[:120]}……（ML-DSA-44，共 {len(vkey)} 个字符）"
