"""A new rack type is one YAML file and nothing else."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from thermal.coldplate import resistance
from twin import cli

RACK = """kind: rack
name: my-rack
base: gb300-nvl72
description: GB300 NVL72 at a lower power
figures:
  maxPowerDcTdp: {value: 120 kW, source: "a supplier's letter", status: datasheet}
  gpuPower: {value: 1200 W, source: "a supplier's letter", status: datasheet}
"""


def saved(limit, gpu, fixed, direct):
    """Watts that a GPU at 45 degC coolant leaks less than at its case limit, where 1400 W pass a plate at 160 L/min."""

    def plate(flow):
        return resistance(0.75 * flow / 72 / 60e3)

    rises = 1400 * plate(160.0), gpu * plate(160.0 * (72 * gpu + fixed) / direct)
    most, now = (0.12 * limit * math.exp(0.0143 * (45.0 + rise - 60.0)) for rise in rises)
    return most - now


def test_a_rack_in_a_folder_of_ones_own_is_laid_out_and_run(tmp_path):
    (tmp_path / "rack").mkdir()
    (tmp_path / "rack" / "my-rack.yaml").write_text(RACK, "utf-8")
    environment = os.environ | {
        "TWIN_CATALOGUE": str(tmp_path),
        "PYTHONPATH": str(Path(cli.__file__).parents[2]),
    }

    def run(*arguments):
        command = [sys.executable, "-m", "twin.cli", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "hall.yaml").write_text(run("new", "--racks", "16", "--type", "my-rack"), "utf-8")
    mine, theirs = (
        json.loads(run("run", layout, "--json", "--out", "out"))["metrics"]["it_power"]["value"]
        for layout in ("hall.yaml", "gb300-su")
    )
    # Its GPUs ask for the same share of a lower limit, and what is not GPUs draws 33.6 instead of 35.2 kW; the shelves
    # are 97.5 % efficient near half load. The shares hold at the case limit, where 0.12 of the limit at 60 degC leaks.
    gpu = ((theirs - 296e3) / 16 * 0.975 - 35.2e3) / 72
    share = (gpu + saved(1400, gpu, 35.2e3, 136e3)) / 1400
    assert 0.5 < share < 0.97
    for _ in range(9):
        gpu = share * 1200 - saved(1200, gpu, 33.6e3, 120e3)
    assert mine - 296e3 == pytest.approx(16 * (72 * gpu + 33.6e3) / 0.975, rel=2e-3)
