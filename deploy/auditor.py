"""The witness of the demonstration: the stand-alone program beside the house, as 审计局见证.

In earnest another body runs it on a machine of its own. Here it stands on the same one, with a
key, a memory and an environment of its own, so that everybody sees what it does.
"""

import subprocess
import sys
import urllib.request
from pathlib import Path

from deploy.servers import port_of

NAME = "audit.demo/witness"


class Auditor:
    """The files of the demonstration's witness in ``folder``/witness."""

    def __init__(self, folder: Path, *, running: bool = False) -> None:
        self.folder = folder / "witness"
        self.port = port_of(folder, "witness", running=running)

    @property
    def address(self) -> str:
        """Return where it is asked."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what the program runs in: nothing of the house, no secret of it."""
        root = str(Path(__file__).resolve().parent.parent)
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        return {"PATH": path, "PYTHONPATH": root, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}

    def prepare(self, log_keys: str) -> list[str]:
        """Make its key, tell it the log's keys, tell the house about it; return the command.

        Args:
            log_keys: verification keys of the log, one per line.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, logs = self.folder / "witness.key", self.folder / "logs.txt"
        logs.write_text(log_keys, encoding="utf-8")
        made = subprocess.run(
            [sys.executable, "-m", "ledger.witness", "keygen", "--name", NAME, "--key", str(key)],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        ed25519, mldsa44 = made.stdout.split()
        policy_file(self.folder.parent).write_text(
            f"witness 审计局 {ed25519} {self.address}\n"
            f"witness 审计局-抗量子 {mldsa44} {self.address}\n"
            "group 审计局见证 any 审计局 审计局-抗量子\n"
            "quorum 审计局见证\n",
            encoding="utf-8",
        )
        files = ["--database", str(self.folder / "witness.sqlite"), "--key", str(key)]
        place = ["--listen", f"127.0.0.1:{self.port}", "--logs", str(logs)]
        return [sys.executable, "-m", "ledger.witness", *place, *files]

    def answers(self) -> bool:
        """Say whether it is up."""
        request = f"http://127.0.0.1:{self.port}/?format=json"
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)


def policy_file(folder: Path) -> Path:
    """Return the policy that names the demonstration's witness to the house."""
    return folder / "witness" / "witnesses.policy"


def known_witnesses(folder: Path) -> dict[str, str]:
    """Return the setting by which the house asks it; empty where it was never prepared."""
    file = policy_file(folder)
    return {"LOG_WITNESSES": str(file)} if file.exists() else {}
