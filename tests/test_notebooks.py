"""The notebooks run as they stand, each in a process and a folder of its own, and end in what they found."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
CELL = re.compile(r"^# %%( \[markdown\])?$", re.MULTILINE)

named = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)


def cells(source: Path) -> list[tuple[bool, str]]:
    """The cells of a source in the percent format: whether it is prose, and its text."""
    parts = CELL.split(source.read_text())
    assert parts[0].startswith("# ---\n# jupyter:\n"), "the header names the format and the kernel"
    return [(bool(kind), text.strip()) for kind, text in zip(parts[1::2], parts[2::2], strict=True)]


def test_there_are_notebooks():
    assert [source.stem for source in SOURCES] == ["gb300_at_45_degc", "utility_cap"]


@named
def test_a_notebook_asks_first_and_asserts_last(source):
    found = cells(source)
    assert found[0][0]
    assert found[0][1].startswith("# # ")
    for prose, text in found:
        if prose:
            assert all(line.startswith("#") for line in text.splitlines())
        else:
            ast.parse(text)
    assert found[-2][0]
    assert "## Answer" in found[-2][1]
    last = ast.parse(found[-1][1]).body
    assert last
    assert all(isinstance(line, ast.Assert) for line in last)


@named
def test_a_notebook_runs_and_its_answer_holds(source, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(source)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"
