"""Drawing a scene with pyvista: one mesh for each class of equipment, racks in the exact colours of the bar."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvista
import xarray as xr
from vtkmodules.vtkRenderingCore import (
    vtkActor2D,
    vtkCoordinate,
    vtkPolyDataMapper2D,
    vtkTextProperty,
    vtkTextRenderer,
)

from twin.colour import GOOD, Scale, at_first, scale_of, worst
from twin.facility import REASONS, Facility
from twin.summary import WHY, not_in_service
from twin.viewer.camera import ELEVATION, Camera, corners, fitted, flags, widest
from twin.viewer.scene import Pipes, Scene, scene
from twin.wording import few, readable

Array = npt.NDArray[np.float64]
Size = tuple[int, int]

COLOURS = "viridis"
"""As on the page of the report; read rightly by people who do not tell red from green, and in grey."""
SHADES = 256
INK = "#1b2430"
FAINT = "#5b6776"
PAPER = "#ffffff"
FLOOR = "#f0f3f6"
WALL = "#9aa5b1"
UNKNOWN = "#a9a9a9"
"""Of a rack without a value."""
DEAD = "#e8891c"
"""Of a device that is out of service or has no live feed."""
TINTS = {
    "CDU": "#8c9caa", "Power panel": "#a89f94", "Fan wall": "#c9d1d8", "CRAH": "#c9d1d8",
    "Supply": "#3f7fbf", "Return": "#c9665a", "Busway": "#8a8f96", "Hot aisle": "#e9b9a0",
    "Column": "#7d7791", "Raised floor": "#dfe5ea", "Perforated tile": "#5f86a6", "Open door": "#4f9d69",
    "Ceiling return": "#d98a63",
}  # fmt: skip
SEEN_THROUGH = {"Open door": 0.55, "Ceiling return": 0.25}
"""Opacity of openings that stand before or above what is behind them."""
MANY = 6
"""Blocks beyond which the picture has two parts: the worst block, and the site below it."""
LABELS = 3
"""Racks that carry a label."""
LONG = 4.0
"""Length over breadth of a site beyond which it needs little height."""
EDGE = 0.02
"""Free at the sides of the picture, as a share of its width."""
BAR = (0.63, 0.96)
"""From where to where the colour bar reaches, as shares of the width."""
TICKS = 5
SIDES = 12
"""Of a pipe."""
SLAB = 0.06
"""Thickness of a floor [m]; drawn only."""
DISTANCE = 4.0
"""Of the eye from the scene, in sizes of the scene; without effect on a parallel projection but for clipping."""
TURN = 28.0
"""Of the eye from straight in front of the racks, to whichever side shows one hall larger [degree]."""
STEEP = 55.0
"""Elevation from which a site is seen [degree]: its halls do not hide each other."""
TURNS = range(-90, 91, 5)
"""Azimuths tried for a whole site, whose shape decides."""


@dataclass(frozen=True)
class Picture:
    """A drawing that is ready to be shown or written, and the cameras of its parts."""

    plotter: pyvista.Plotter
    cameras: tuple[Camera, ...]
    scenes: tuple[Scene, ...]


def picture(
    facility: Facility,
    state: xr.Dataset,
    variable: str | None,
    size: Size,
    scenario: int = 0,
    eye: tuple[float, float] | None = None,
    off_screen: bool = True,
) -> Picture:
    """The drawing of one scenario of a state.

    variable : one of `twin.colour.rack_variables`, None for a temperature. size : pixels. scenario : its place in
    the state. eye : its azimuth from the front of the racks and its elevation [degree], else where the scene is
    seen best.
    """
    one = state.isel(scenario=scenario)
    variable = variable or at_first(one)
    made = scale_of(variable, one)
    site = len(facility.blocks) > MANY
    first = worst(made, LABELS)
    block = int(facility.racks.block[first[0]]) if len(first) else 0
    whole = scene(facility)
    share = _share(whole) if site else 0.0
    plotter = pyvista.Plotter(
        off_screen=off_screen, window_size=list(size), shape=(2, 1) if site else (1, 1), border=False,
        row_weights=[1.0 - share, share] if site else None,
    )  # fmt: skip
    plotter.background_color = PAPER
    plotter.enable_anti_aliasing("ssaa", all_renderers=True)
    letters = max(9, round(size[1] / 60))
    top = (size[0], round(size[1] * (1.0 - share)))
    shown = scene(facility, block) if site else whole
    band = 5.2 * letters / top[1]
    foot = 6.4 * letters / top[1]
    camera = _seen(shown, top, (0.02, 0.02 + foot, 0.98, 1.0 - band), eye)
    plotter.subplot(0, 0)
    _aim(plotter, camera, shown)
    _hall(plotter, facility, one, shown, made)
    _bar(plotter, made, letters, top)
    _key(plotter, one, shown, made, letters, top)
    head, second = titles(facility, one, made, state.sizes["scenario"])
    _line(plotter, head, (0.02, 1.0 - 2.1 * letters / top[1]), round(1.35 * letters), INK, bold=True)
    _line(plotter, second, (0.02, 1.0 - 4.0 * letters / top[1]), letters, FAINT)
    mine = worst(_only(made, shown), LABELS)
    _labels(plotter, facility, made, mine, camera, letters)
    if not site:
        return Picture(plotter, (camera,), (whole,))
    below = (size[0], size[1] - top[1])
    plotter.subplot(1, 0)
    # Room for the flags: at the sides half of one, above all of them on their poles.
    room = (0.08, 0.06, 0.92, 1.0 - (4.0 + 2.3 * len(first)) * letters / below[1])
    far = widest(corners(whole.halls), whole.front, TURNS, STEEP, below, room)
    _aim(plotter, far, whole)
    _floors(plotter, whole, lines=True)
    _racks(plotter, whole, made, edges=False)
    for solid in whole.solids:
        _boxes(plotter, solid.box, TINTS[solid.title], edges=False)
    _line(
        plotter, f"All {len(facility.blocks):,} units", (0.02, 1.0 - 1.6 * letters / below[1]), letters, FAINT
    )
    _labels(plotter, facility, made, first, far, letters, rise=2.0)
    return Picture(plotter, (camera, far), (shown, whole))


def _hall(plotter: pyvista.Plotter, facility: Facility, one: xr.Dataset, shown: Scene, made: Scale) -> None:
    """Everything that stands in halls, near enough to see the edges of racks."""
    dead = one["device_alive"].values <= 0
    _floors(plotter, shown, lines=True)
    for solid in shown.solids:
        _boxes(plotter, solid.box, TINTS[solid.title], dead[solid.device])
    _boxes(plotter, shown.busway, TINTS["Busway"], dead[shown.busway_panel])
    _tubes(plotter, shown.supply, TINTS["Supply"])
    _tubes(plotter, shown.return_, TINTS["Return"])
    _racks(plotter, shown, made, edges=True)
    for title, boxes in shown.fabric.items():
        if title == "Raised floor":
            boxes = boxes - [[0.0, 0.0, 0.0], [0.0, 0.0, SLAB]]
        _boxes(plotter, boxes, TINTS[title], opacity=SEEN_THROUGH.get(title, 1.0))
    _aisles(plotter, shown)


def write(drawn: Picture, file: str | Path) -> None:
    """Write a drawing as PNG, whole or not at all; raises OSError."""
    path = Path(file)
    with tempfile.TemporaryDirectory(prefix=".twin-", dir=path.parent) as folder:
        here = Path(folder) / "picture.png"
        drawn.plotter.show(auto_close=False)
        drawn.plotter.screenshot(here)
        drawn.plotter.close()
        os.replace(here, path)


def titles(facility: Facility, one: xr.Dataset, made: Scale, scenarios: int) -> tuple[str, str]:
    """Two lines: what is shown with its totals, and how it stands; scenarios : how many the state has."""
    head = [facility.name, f"{len(facility.racks.name):,} racks"]
    if not bool(one["converged"]):
        return " · ".join(head), f"No solution: {WHY[REASONS[int(one['reason'])]]}"
    head += [
        readable(float(one["utility_power"]), "W"),
        f"PUE {float(one['pue']):.3f}",
        readable(float(one["tokens_per_second"]), "token/s", 3),
    ]
    parts = [made.title]
    known = np.flatnonzero(np.isfinite(made.values))
    if len(known):
        least, most = (int(known[place(made.values[known])]) for place in (np.argmin, np.argmax))
        ends = _value(made, least), _value(made, most)
        rack, word = (least, "lowest") if made.name in GOOD else (most, "highest")
        if ends[0] == ends[1]:
            every = "every rack" if len(known) == len(made.values) else "every rack with a value"
            parts[0] += f" {ends[0]} in {every}"
        else:
            parts[0] += f", {word} {_value(made, rack)} in {facility.racks.name[rack]}"
    parts += _conditions(one) if scenarios > 1 else []
    gone = not_in_service(facility, one)
    if gone:
        parts.append(f"not in service: {few(gone)}")
    return " · ".join(head), " · ".join(parts)


def _conditions(one: xr.Dataset) -> list[str]:
    """Name of the scenario and the values that its coordinates give it."""
    found = [f"scenario {one['scenario'].item()}"]
    for name, coordinate in one.coords.items():
        if not coordinate.dims and name != "scenario":
            value, unit = coordinate.item(), str(coordinate.attrs.get("units", "1"))
            found.append(f"{name} {readable(value, unit) if isinstance(value, float) else value}")
    return found


def _value(made: Scale, rack: int) -> str:
    """A value with the digits that tell it from the ends of the bar; where all are alike, with three."""
    value, decimals = float(made.values[rack]), made.decimals
    if made.level and value:
        value = float(f"{value:.3g}")
        decimals = min(decimals, max(0, 2 - int(np.floor(np.log10(abs(value))))))
    return f"{value:,.{decimals}f} {made.unit}".rstrip()


def _only(made: Scale, shown: Scene) -> Scale:
    """The scale with values of the racks of a scene alone."""
    values = np.full(len(made.values), np.nan)
    values[shown.rack] = made.values[shown.rack]
    return replace(made, values=values)


def _share(whole: Scene) -> float:
    """Part of the picture's height that a site gets."""
    extent = (whole.halls.max(axis=(0, 1)) - whole.halls.min(axis=(0, 1)))[:2]
    return 0.24 if extent.max() > LONG * extent.min() else 0.56


def _seen(
    shown: Scene, size: Size, room: tuple[float, float, float, float], eye: tuple[float, float] | None
) -> Camera:
    """The camera of a hall or of a few."""
    points = np.concatenate([corners(shown.halls * [1.0, 1.0, 0.0]), corners(shown.racks), _raised(shown)])
    if eye is not None:
        return fitted(points, shown.front, *eye, size, room)
    turns = range(-55, 56, 5) if len(shown.halls) > 1 else (TURN, -TURN)
    return widest(points, shown.front, turns, ELEVATION, size, room)


def _raised(shown: Scene) -> Array:
    """Corners of what reaches above the racks, and of what is below the floor."""
    return corners(
        np.concatenate([shown.busway, *(solid.box for solid in shown.solids), *shown.fabric.values()])
    )


def _aim(plotter: pyvista.Plotter, camera: Camera, shown: Scene) -> None:
    """Turn the part of the picture that is being drawn to its camera."""
    span = float(np.linalg.norm(np.ptp(corners(shown.halls), axis=0)))
    plotter.enable_parallel_projection()
    plotter.camera.position = camera.focus + camera.towards * DISTANCE * span
    plotter.camera.focal_point = camera.focus
    plotter.camera.up = camera.up
    plotter.camera.parallel_scale = camera.height / 2.0
    plotter.renderer.camera_set = True
    plotter.camera.clipping_range = (0.1 * span, 2.0 * DISTANCE * span)


def _mesh(boxes: Array) -> pyvista.PolyData:
    """Boxes as one surface of six faces each."""
    faces = np.array([[0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6], [4, 5, 7, 6], [1, 0, 2, 3]])
    every = faces[None] + 8 * np.arange(len(boxes))[:, None, None]
    fours = np.full((6 * len(boxes), 1), 4)
    return pyvista.PolyData(corners(boxes), np.hstack([fours, every.reshape(-1, 4)]).ravel())


def _racks(plotter: pyvista.Plotter, shown: Scene, made: Scale, edges: bool) -> None:
    """The racks, unlit so that their colour is the bar's."""
    mesh = _mesh(shown.racks)
    mesh.cell_data[made.name] = np.repeat(made.values[shown.rack], 6)
    plotter.add_mesh(
        mesh, scalars=made.name, clim=(made.least, made.most), cmap=COLOURS, n_colors=SHADES, nan_color=UNKNOWN,
        lighting=False, show_edges=edges, edge_color=INK, line_width=1.2, show_scalar_bar=False, name="racks",
    )  # fmt: skip


def _boxes(
    plotter: pyvista.Plotter,
    boxes: Array,
    tint: str,
    dead: npt.NDArray[np.bool_] | None = None,
    edges: bool = True,
    opacity: float = 1.0,
) -> None:
    """Equipment of one class, lit; what is dead in its own colour."""
    if not len(boxes):
        return
    mesh = _mesh(boxes)
    gone = np.zeros(len(boxes), dtype=bool) if dead is None else dead
    alive, out = (np.array(pyvista.Color(one).int_rgb, dtype=np.uint8) for one in (tint, DEAD))
    mesh.cell_data["tint"] = np.repeat(np.where(gone[:, None], out, alive), 6, axis=0)
    plotter.add_mesh(
        mesh, scalars="tint", rgb=True, ambient=0.5, diffuse=0.55, show_edges=edges, edge_color=FAINT, line_width=0.8,
        opacity=opacity,
    )  # fmt: skip


def _tubes(plotter: pyvista.Plotter, pipes: Pipes, tint: str) -> None:
    """Pipes of one side as one mesh, each as thick as it is."""
    if not pipes.line:
        return
    count = np.array([len(line) for line in pipes.line])
    start = np.cumsum(count) - count
    cells = np.concatenate(
        [np.r_[length, first + np.arange(length)] for first, length in zip(start, count, strict=True)]
    )
    mesh = pyvista.PolyData(np.concatenate(pipes.line), lines=cells)
    mesh.point_data["radius"] = np.repeat(pipes.diameter / 2.0, count)
    plotter.add_mesh(
        mesh.tube(scalars="radius", absolute=True, n_sides=SIDES, capping=True),
        color=tint, scalars=None, smooth_shading=False, ambient=0.5, diffuse=0.55,
    )  # fmt: skip


def _floors(plotter: pyvista.Plotter, shown: Scene, lines: bool) -> None:
    """Floor of each hall and the outline of its walls."""
    slab = shown.halls.copy()
    slab[:, 1, 2] = slab[:, 0, 2] - 0.005
    slab[:, 0, 2] -= SLAB
    plotter.add_mesh(
        _mesh(slab), color=FLOOR, lighting=False, show_edges=lines, edge_color=WALL, line_width=1.5
    )


def _aisles(plotter: pyvista.Plotter, shown: Scene) -> None:
    """Containment of the hot aisles: its ends, seen through, and above the racks its edges alone up to the ceiling."""
    sheets, above = [], shown.aisles.copy()
    above[:, 0, 2], above[:, 1, 2] = shown.aisles[:, 1, 2], shown.aisle_top
    for box, along in zip(shown.aisles, shown.aisle_along, strict=True):
        for end in (0, 1):
            sheet = box.copy()
            sheet[:, along] = box[end, along]
            sheets.append(sheet)
    if sheets:
        plotter.add_mesh(
            _mesh(np.array(sheets)), color=TINTS["Hot aisle"], opacity=0.28, lighting=False, show_edges=True,
            edge_color=FAINT, line_width=0.8,
        )  # fmt: skip
        plotter.add_mesh(
            _mesh(above), style="wireframe", color=TINTS["Hot aisle"], lighting=False, line_width=2.0
        )


def _bar(plotter: pyvista.Plotter, made: Scale, letters: int, size: Size) -> None:
    """The colour bar, level, in the lower right corner, from the table that colours the racks."""
    if not np.isfinite(made.values).any():
        return
    left, right = BAR
    low, high = (count * letters / size[1] for count in (2.2, 3.5))
    table = plotter.actors["racks"].mapper.lookup_table.values[:, :3]
    _patches(plotter, np.linspace(left, right, len(table) + 1), (low, high), table)
    title = f"{made.title}, {made.unit}" if made.unit else made.title
    _line(plotter, title, (left, high + 0.6 * letters / size[1]), letters, INK)
    for share in np.linspace(0.0, 1.0, TICKS):
        value = made.least + share * (made.most - made.least)
        at = (left + share * (right - left), 0.7 * letters / size[1])
        _line(plotter, f"{value:,.{made.decimals}f}", at, letters, INK, share=float(share))


def _key(
    plotter: pyvista.Plotter,
    one: xr.Dataset,
    shown: Scene,
    made: Scale,
    letters: int,
    size: Size,
) -> None:
    """What the colours of the equipment mean, in the lower left corner."""
    entries = [(solid.title, TINTS[solid.title]) for solid in shown.solids]
    if shown.supply.line:
        entries += [("Supply", TINTS["Supply"]), ("Return", TINTS["Return"])]
    if len(shown.busway):
        entries.append(("Busway", TINTS["Busway"]))
    if len(shown.aisles):
        entries.append(("Hot aisle", TINTS["Hot aisle"]))
    entries += [(title, TINTS[title]) for title, boxes in shown.fabric.items() if len(boxes)]
    drawn = np.concatenate([*(solid.device for solid in shown.solids), np.empty(0, dtype=np.int64)])
    if (one["device_alive"].values[drawn] <= 0).any():
        entries.append(("Not in service", DEAD))
    unknown = int(np.isnan(made.values[shown.rack]).sum())
    if unknown:
        entries.append(
            (f"{unknown:,} racks without a value" if unknown > 1 else "rack without a value", UNKNOWN)
        )
    x, y = EDGE * size[0], 2.6 * letters
    side = 0.85 * letters
    for text, tint in entries:
        wide = _width(text, letters)
        if x + 1.4 * letters + wide > (BAR[0] - EDGE) * size[0]:
            x, y = EDGE * size[0], y - 1.9 * letters
        reach = np.array([x, x + side]) / size[0]
        _patches(plotter, reach, (y / size[1], (y + side) / size[1]), np.array([pyvista.Color(tint).int_rgb]))
        _line(plotter, text, ((x + 1.3 * letters) / size[0], y / size[1]), letters, FAINT)
        x += wide + 3.0 * letters


def _patches(plotter: pyvista.Plotter, edges: Array, rows: tuple[float, float], colours: Array) -> None:
    """A level strip of patches between edges, in shares of this part of the picture."""
    points = np.array([[x, y, 0.0] for y in rows for x in edges])
    count = len(edges)
    first = np.arange(count - 1)
    cells = np.stack([np.full(count - 1, 4), first, first + 1, first + 1 + count, first + count], axis=1)
    mesh = pyvista.PolyData(points, cells.ravel())
    mesh.cell_data.set_scalars(np.asarray(colours, dtype=np.uint8), "tint")
    share = vtkCoordinate()
    share.SetCoordinateSystemToNormalizedViewport()
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(mesh)
    mapper.SetTransformCoordinate(share)
    actor = vtkActor2D()
    actor.SetMapper(mapper)
    plotter.add_actor(actor, reset_camera=False)


def _line(
    plotter: pyvista.Plotter,
    text: str,
    place: tuple[float, float],
    letters: int,
    colour: str,
    bold: bool = False,
    share: float = 0.0,
) -> None:
    """A line of text at a place in shares of this part of the picture.

    share : how far along the text the place is: 0 begins there, 0.5 is centred, 1 ends.
    """
    actor = pyvista.Text(text)
    actor.prop.font_size, actor.prop.color, actor.prop.bold, actor.prop.font_family = (
        letters,
        colour,
        bold,
        "arial",
    )
    actor.prop.justification_horizontal = "left" if share == 0.0 else "right" if share == 1.0 else "center"
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.GetPositionCoordinate().SetValue(*place)
    plotter.add_actor(actor, reset_camera=False)


def _width(text: str, letters: int) -> float:
    """Width of a text [pixel]."""
    box = [0, 0, 0, 0]
    prop = vtkTextProperty()
    prop.SetFontFamilyToArial()
    prop.SetFontSize(letters)
    vtkTextRenderer.GetInstance().GetBoundingBox(prop, text, box, 72)
    return float(box[1] - box[0])


def _labels(
    plotter: pyvista.Plotter,
    facility: Facility,
    made: Scale,
    racks: npt.NDArray[np.int64],
    camera: Camera,
    letters: int,
    rise: float = 5.0,
) -> None:
    """Name and value of the worst racks, on poles, clear of each other; rise : of the lowest, in letters."""
    if not len(racks):
        return
    texts = [f" {facility.racks.name[rack]}   {_value(made, int(rack))} " for rack in racks.tolist()]
    boxes = facility.racks.box[racks]
    feet = boxes.mean(axis=1)
    feet[:, 2] = boxes[:, 1, 2]
    tips = flags(camera, feet, [_width(text, letters) for text in texts], 1.8 * letters, rise * letters)
    poles = pyvista.PolyData(
        np.concatenate([feet, tips]),
        lines=np.concatenate([[2, index, index + len(feet)] for index in range(len(feet))]),
    )
    plotter.add_mesh(poles, color=INK, line_width=1.5, lighting=False)
    for tip, text in zip(tips, texts, strict=True):
        _flag(plotter, tip, text, letters)


def _flag(plotter: pyvista.Plotter, tip: Array, text: str, letters: int) -> None:
    """A label on the tip of its pole, flat on the picture and above all that stands in the hall."""
    actor = pyvista.Text(text)
    prop = actor.prop
    prop.font_size, prop.color, prop.font_family = letters, INK, "arial"
    prop.background_color, prop.background_opacity = PAPER, 1.0
    prop.show_frame, prop.frame_color, prop.frame_width = True, FAINT, 1
    prop.justification_horizontal, prop.justification_vertical = "center", "bottom"
    actor.GetPositionCoordinate().SetCoordinateSystemToWorld()
    actor.GetPositionCoordinate().SetValue(*tip)
    plotter.add_actor(actor, reset_camera=False)


def show(drawn: Picture) -> None:
    """Open a window and wait until it is closed."""
    drawn.plotter.show()


__all__: Sequence[str] = ("Picture", "picture", "show", "titles", "write")
