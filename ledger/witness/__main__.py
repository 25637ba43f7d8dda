"""The command line of a witness: make its key, run it, show what it holds."""

import argparse
import logging
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path

from ledger.signing import NoteError, VerificationKey
from ledger.witness import pages
from ledger.witness.judging import Witness
from ledger.witness.keyfile import make_key, open_once, read_key
from ledger.witness.memory import Memory, Unusable
from ledger.witness.server import Server

MOST_BYTES = 1_048_576


def now() -> int:
    """Return the time of this machine in seconds since 1970: a witness says when it saw."""
    return int(time.time())


def say(text: str) -> None:
    """Print for a person."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError("写成 地址:端口，例如 127.0.0.1:8790")
    return host.strip("[]"), int(port)


def _keys(chosen: argparse.Namespace) -> list[VerificationKey]:
    texts = list(chosen.log)
    for path in chosen.logs:
        with path.open(encoding="utf-8") as file:
            texts += file.read(MOST_BYTES).split()
    if not texts:
        raise Unusable("用 --log 或 --logs 给出至少一个日志的验证公钥")
    return [VerificationKey.parse(each) for each in texts]


def serve(chosen: argparse.Namespace) -> None:
    """Run the witness until it is told to stop."""
    logs = _keys(chosen)
    cosigner = read_key(chosen.key)
    open_once(chosen.key, chosen.database)
    memory = Memory(chosen.database)
    witness = Witness(cosigner, logs, memory)
    with Server(chosen.listen, witness, now) as server:
        for each in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop, which this very thread runs.
            signal.signal(each, lambda *_: threading.Thread(target=server.shutdown).start())
        host, port = server.server_address[:2]
        say(f"见证 {cosigner.name} 已启动：http://{host!s}:{port}/")
        server.serve_forever()
    memory.close()
    say("见证已停止")


def show_evidence(database: Path) -> None:
    """Print every piece of evidence, both notes in full."""
    memory = _opened(database)
    found = memory.evidence()
    for each in found:
        title = "分叉：同一长度有两个已签名的树根" if each.kind == "fork" else "未能证明只增不改"
        say(f"# 证据 {each.number} {title} {each.origin} {pages.moment(each.at)}")
        say(f"## 已见证的检查点\n{each.held}\n## 后来收到的检查点（旧长度 {each.old_size}）")
        say(each.offered + each.proof)
    forks = sum(each.kind == "fork" for each in found)
    say(f"共 {len(found)} 份证据，其中分叉 {forks} 份。")


def show_signed(database: Path) -> None:
    """Print every tree that was cosigned."""
    memory = _opened(database)
    for log in memory.logs():
        for each in memory.history(log.origin):
            say(f"{pages.moment(each.at)} {each.origin} {each.size} {each.root.hex()}")


def _opened(database: Path) -> Memory:
    if not database.exists():
        raise Unusable(f"没有这个文件：{database}")
    return Memory(database)


def _keygen(words: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ledger.witness keygen", description="生成见证密钥并输出两个验证公钥。"
    )
    parser.add_argument("--name", required=True, help="见证名称，例如 audit.example/witness")
    parser.add_argument("--key", required=True, type=Path, help="密钥文件（已有则不变）")
    chosen = parser.parse_args(words)
    for each in make_key(chosen.key, chosen.name).keys:
        say(each.text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ledger.witness",
        description="独立运行的日志见证；密钥由 python -m ledger.witness keygen 生成。",
    )
    parser.add_argument("--database", required=True, type=Path, help="见证的记忆（SQLite 文件）")
    parser.add_argument("--listen", type=_place, metavar="地址:端口")
    parser.add_argument("--key", type=Path, help="keygen 生成的密钥文件")
    parser.add_argument("--log", action="append", default=[], help="日志的验证公钥，可多次给出")
    parser.add_argument(
        "--logs", action="append", default=[], type=Path, help="装有验证公钥的文件，一行一个"
    )
    parser.add_argument("--evidence", action="store_true", help="列出留存的证据")
    parser.add_argument("--signed", action="store_true", help="列出见证过的全部检查点")
    return parser


def run(words: list[str]) -> None:
    """Do what the words say.

    Raises:
        Unusable: a file or a word that cannot be used.
    """
    if words[:1] == ["keygen"]:
        _keygen(words[1:])
        return
    parser = _parser()
    chosen = parser.parse_args(words)
    if chosen.evidence:
        show_evidence(chosen.database)
    elif chosen.signed:
        show_signed(chosen.database)
    elif chosen.listen is None or chosen.key is None:
        parser.error("要启动见证，请给出 --listen 和 --key")
    else:
        serve(chosen)


def main(words: list[str] | None = None) -> int:
    """Run from the command line; 0 when all went well, 1 when not."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        run(sys.argv[1:] if words is None else words)
    except (Unusable, NoteError, OSError, UnicodeDecodeError, sqlite3.Error) as fault:
        say(f"不能运行：{fault}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
