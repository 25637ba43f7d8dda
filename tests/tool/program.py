"""The tool as a program of its own: another process that can import nothing of the house."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOL = Path(__file__).resolve().parents[2] / "tool"
WITHOUT_THE_HOUSE = """\
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "providers", "ledger", "msgspec"}:
            raise ModuleNotFoundError(f"the tool must not need {name}")
sys.meta_path.insert(0, Nothing())
"""


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program:
    """Runs ``slq`` in a folder of a provider."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "python").mkdir(parents=True)
        (folder / "python" / "sitecustomize.py").write_text(WITHOUT_THE_HOUSE)
        self.environment = {
            "PATH": os.environ["PATH"],
            "TZ": "Pacific/Chatham",
            "PYTHONPATH": f"{folder / 'python'}:{TOOL}",
            "PYTHONWARNINGS": "error",
            "SLQ_CONFIG": str(folder / "config.json"),
        }

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "slq", *words],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, typed: str = "", **environment: str) -> Ran:
        process = self.start(*words, **environment)
        out, err = process.communicate(typed, timeout=120)
        assert "Traceback" not in err, err
        return Ran(process.returncode, out, err)

    def python(self, script: str, given: str = "") -> Any:
        """Run a script that may import the tool and nothing of the house; return its JSON."""
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")
