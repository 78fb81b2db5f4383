"""Whether this machine can draw, asked of a child process: without a graphics library VTK does not fail, it crashes.

Run as a module it draws a tiny picture and ends with 0 when a pixel of it has the colour asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

WINDOW = "VTK_DEFAULT_OPENGL_WINDOW"
"""Environment variable that names VTK's class of window; VTK tries an X server before all others without it."""
HEADLESS = ("vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow")
"""Classes that draw without a display: EGL with Mesa's drivers, and Mesa off screen."""
PATIENCE = 120.0
"""Seconds a first picture may take; it is about two on a warm machine."""
NO_LIBRARY = "pyvista is not installed; `pip install pyvista` brings it"
NO_GRAPHICS = (
    "no OpenGL to draw with; `apt install libegl1 libgl1-mesa-dri` or `apt install libosmesa6` brings one"
)


def windows() -> Sequence[str]:
    """The classes of window to try, the user's own choice alone if there is one; "" leaves it to VTK."""
    if WINDOW in os.environ:
        return (os.environ[WINDOW],)
    return HEADLESS if sys.platform.startswith("linux") else ("",)


def usable(window: str) -> bool:
    """Whether a child process can draw with a class of window."""
    environment = {**os.environ, **({WINDOW: window} if window else {})}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "twin.viewer.probe"],
            env=environment, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def ready() -> str:
    """Nothing when this process can draw without a display from here on, else one line with the remedy.

    Sets the class of window that works in the environment, which VTK reads when it is imported.
    """
    missing = installed()
    if missing:
        return missing
    for window in windows():
        if usable(window):
            if window:
                os.environ[WINDOW] = window
            return ""
    return NO_GRAPHICS


def installed() -> str:
    """Nothing when pyvista is there, else one line with the remedy."""
    return "" if find_spec("pyvista") else NO_LIBRARY


def display() -> bool:
    """Whether there is a display to open a window on."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _draws() -> bool:
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=(16, 16))
    plotter.background_color = "white"
    plotter.add_mesh(pyvista.Box(), color="red", lighting=False)
    plotter.show(auto_close=False)
    pixel = plotter.screenshot()[8, 8, :3].tolist()
    plotter.close()
    return bool(pixel == [255, 0, 0])


if __name__ == "__main__":
    sys.exit(0 if _draws() else 1)
