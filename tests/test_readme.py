"""The README's Python tour runs, and its commands name options that exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

from twin.cli import NO_GRAPHICS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_tour_runs(capsys):
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(block, "README.md", "exec"), {})
    assert "Price(" in capsys.readouterr().out


def test_the_command_lines_are_understood(tmp_path):
    lines = [line.split("  #")[0].strip() for line in README.splitlines() if line.startswith("twin ")]
    assert len(lines) == 21
    (tmp_path / "notebooks").mkdir()
    for line in lines:
        command = line.replace("twin ", f"{sys.executable} -m twin.cli ", 1)
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        without_graphics = line.startswith("twin view") and done.returncode == NO_GRAPHICS
        assert done.returncode == 0 or without_graphics, f"{line}: {done.stderr}"
