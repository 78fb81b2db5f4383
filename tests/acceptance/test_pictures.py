"""Pictures of the halls: every layout is drawn, a rack has the colour of its value, and no graphics is no crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from twin import cli
from twin.colour import scale
from twin.layout import builtin_layouts
from twin.viewer import probe

ROOT = Path(cli.__file__).parents[2]
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n"


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def spread(pod):
    """A state in which every rack has a power of its own."""
    return twin.solve(pod, twin.Operation(power_cap=np.linspace(75e3, 110e3, 16)[None]))


@pytest.mark.parametrize("layout", builtin_layouts())
def test_every_layout_is_drawn(graphics, layout, tmp_path):
    from PIL import Image

    done = CliRunner().invoke(cli.app, ["view", layout, "--screenshot", str(tmp_path / "hall.png")])
    assert done.exit_code == 0, done.output
    image = np.asarray(Image.open(tmp_path / "hall.png").convert("RGB"))
    assert image.shape == (900, 1600, 3)
    # Racks, equipment and letters: much of the picture is not paper, and of many colours.
    assert (image != 255).any(axis=-1).mean() > 0.05
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize(("azimuth", "row"), [(0.0, "row1"), (180.0, "row2")])
@pytest.mark.parametrize("variable", ["power", "tokens"])
def test_a_rack_has_exactly_the_colour_of_its_value(graphics, pod, spread, tmp_path, azimuth, row, variable):
    from matplotlib import colormaps
    from PIL import Image

    from twin.viewer import draw

    made = draw.picture(pod, spread, variable, (1600, 900), eye=(azimuth, 12.0))
    draw.write(made, tmp_path / "hall.png")
    image = np.asarray(Image.open(tmp_path / "hall.png").convert("RGB")).astype(int)
    assert image.shape == (900, 1600, 3)
    shown = scale(variable, spread[variable].values[0])
    for rack in [index for index, name in enumerate(pod.racks.name) if name.startswith(row)]:
        face = pod.racks.box[rack].mean(axis=0)
        face[1] = pod.racks.box[rack, 0 if row == "row1" else 1, 1]
        x, y = made.cameras[0].pixels(face)
        share = (shown.values[rack] - shown.least) / (shown.most - shown.least)
        expected = np.array(colormaps["viridis"](share, bytes=True)[:3]).astype(int)
        assert np.abs(image[900 - round(y), round(x)] - expected).max() <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hall.png"]


def test_a_machine_without_graphics_gets_one_line_and_status_4(tmp_path):
    # A pyvista that dies as VTK does without a graphics library.
    (tmp_path / "path" / "pyvista").mkdir(parents=True)
    (tmp_path / "path" / "pyvista" / "__init__.py").write_text(CRASH)
    path = os.pathsep.join([str(tmp_path / "path"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "twin.cli", "view", "--screenshot", str(tmp_path / "hall.png")],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr == f"twin: {probe.NO_GRAPHICS}\n"
    assert not (tmp_path / "hall.png").exists()
