"""Compiled Newton loop of `thermal.hydraulics`, which imports it when a network is first solved.

Scenarios stand side by side in lanes, so that one branch, or one entry of the factor, is a few vector
instructions. A lane is arithmetic of its own and stops by its own residual: what its neighbours hold does not
alter a bit of it.

A work array is (row, lane), or flat where a law runs through all branches of a kind. The rows of nodes are in
the order of elimination, those of fixed pressure last. A node's unknown is its potential: pressure above the
first fixed node, plus what the reference density weighs. Loops are kept small and free of choices, for only such
become vector instructions.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, njit

# How many lanes a kernel has is the length of a tuple that it is given, so that the compiler knows it: one lane for
# few scenarios, and several for many. Interpreted, as for coverage, each lane costs as much as a scenario.
SINGLE = (0,)
SEVERAL = SINGLE if config.DISABLE_JIT else 8 * SINGLE  # type: ignore[attr-defined]

# What a branch obeys, as in `thermal.branch.Law`.
CHURCHILL, SWAMEE_JAIN, HAZEN_WILLIAMS, PUMP, EQUAL_PERCENTAGE, LINEAR, LIMITER, POWER, FIXED, COUPLING = (
    range(10)
)
# What a branch does, as in `thermal.hydraulics.Mode`.
OPEN, CHECKED, LIMITED, CLOSED = 0.0, 1.0, 2.0, 3.0
# Why a scenario has no state, as in `thermal.hydraulics.Reason`.
SETTLED, SEPARATED, UNSETTLED, UNDEFINED = range(4)

CREEPING = 1e-6  # Reynolds number below which the friction of pipe is held to the laminar line
BRISK = 1e5  # Reynolds number of the flow to begin with
STROKE = 0.05  # below which an equal-percentage trim closes in a straight line
FAINT = 1e-5  # share of its rated flow at which a power law turns laminar
PATIENT = 25  # passes after which constraints are let go one at a time
PIVOT = 1e-13  # of a row's own conductance: less is rounding, the row's island hangs on nothing
ROUNDING = 1e-15
SLACK = 1e-12  # of the usual flow, by which a constraint may be passed without being meant
HOPELESS = 40  # passes in a row after which an island that flow enters or leaves is given up


def _kernel(function: Callable[..., Any]) -> Any:
    """Compiled when first called, kept for later processes where there is a folder that may be written."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return np.errstate(all="ignore")(function)
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy")(function)


# What runs through a loop is a part of it, or the loop would not become vector instructions; and so are whole loops,
# for to count the owners of their arrays at each call takes a small network longer than the loops.
_line = njit(error_model="numpy", forceinline=True)


@_line
def _log(x):
    """Natural logarithm of a normal positive number, within 1e-13; unlike the library's, vectors take it."""
    bits = np.float64(x).view(np.int64)
    exponent = np.float64((bits >> 52) - 1023)
    mantissa = np.int64((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    high = mantissa > 1.4142135623730951
    mantissa = 0.5 * mantissa if high else mantissa
    exponent = exponent + 1.0 if high else exponent
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    z = ratio * ratio
    series = 1.0 / 13.0 + z * (1.0 / 15.0)
    series = 1.0 / 11.0 + z * series
    series = 1.0 / 9.0 + z * series
    series = 1.0 / 7.0 + z * series
    series = 1.0 / 5.0 + z * series
    series = 1.0 / 3.0 + z * series
    return exponent * 0.6931471805599453 + 2.0 * ratio * (1.0 + z * series)


@_line
def _exp(x):
    """Exponential of a number within +-700, within 1e-12 of it; unlike the library's, vectors take it."""
    # Adding 1.5 * 2^52 leaves the nearest integer in the last bits.
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    whole = shifted - 6755399441055744.0
    rest = (x - whole * 0.6931471803691238) - whole * 1.9082149292705877e-10
    series = 1.0 / 362880.0 + rest * (1.0 / 3628800.0)
    series = 1.0 / 40320.0 + rest * series
    series = 1.0 / 5040.0 + rest * series
    series = 1.0 / 720.0 + rest * series
    series = 1.0 / 120.0 + rest * series
    series = 1.0 / 24.0 + rest * series
    series = 1.0 / 6.0 + rest * series
    series = 0.5 + rest * series
    series = 1.0 + rest * (1.0 + rest * series)
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    return series * power


@_line
def _churchill(number, rough):
    """Friction factor and Reynolds number times its slope; `number` from CREEPING."""
    logarithm = _log(number)
    smooth = _exp(0.9 * (1.9459101490553132 - logarithm))
    inner = smooth + 0.27 * rough
    outer = -2.457 * _log(inner)
    outer2 = outer * outer
    outer4 = outer2 * outer2
    first = outer4 * outer4
    first = first * first
    inverse = 1.0 / number
    second = 37530.0 * inverse
    second = second * second
    second = second * second
    second = second * second
    second = second * second
    laminar = 8.0 * inverse
    laminar = laminar * laminar
    laminar = laminar * laminar
    laminar = laminar * laminar * laminar
    both = first + second
    turbulent = 1.0 / (both * math.sqrt(both))
    total = laminar + turbulent
    factor = 8.0 * _exp(_log(total) * (1.0 / 12.0))
    bend = 2.2113 * first * smooth / (inner * outer) - second
    return factor, factor * (-laminar - 2.0 * turbulent * bend / both) / total


@_line
def _swamee_jain(number, rough):
    """Friction factor and Reynolds number times its slope: laminar to 2,000, Dunlop's cubic to 4,000.

    The three are weighed by 0 and 1, for with choices the compiler would part their ways.
    """
    fast = 0.5 + math.copysign(0.5, number - 4000.0)
    slow = 0.5 + math.copysign(0.5, 2000.0 - number)
    smooth = 5.74 * _exp(-0.9 * _log(fast * number + (1.0 - fast) * 4000.0))
    inner = rough * (1.0 / 3.7) + smooth
    outer = -0.8685889638065037 * _log(inner)
    # One division for all three: it takes longer than all else of a line.
    square = outer * outer
    inverse = 1.0 / (inner * square * number)
    turbulent = inner * number * inverse
    steep = outer * number * inverse
    # d ln f = -2 d ln(outer), d outer = -0.8686 d(inner) / inner, d(inner) = -0.9 smooth d ln Re.
    bend = 0.8685889638065037 * smooth * steep
    along = number * 0.0005
    base = (2.0 - 0.00514215 * steep) * turbulent
    one = 7.0 * turbulent - base
    two = 0.128 - 17.0 * turbulent + 2.5 * base
    three = -0.128 + 13.0 * turbulent - 2.0 * base
    four = 0.032 - 3.0 * turbulent + 0.5 * base
    cubic = one + along * (two + along * (three + along * four))
    incline = along * (two + along * (2.0 * three + 3.0 * along * four))
    laminar = slow * 64.0 * inner * square * inverse
    between = (1.0 - fast) * (1.0 - slow)
    factor = laminar + between * cubic + fast * turbulent
    return factor, between * incline - laminar - 1.8 * fast * turbulent * bend


@_line
def _pipes(formula, first, last, flow, share, one, two, three, four, loss, slope):
    """Potential lost by friction and in fittings, and its slope over the flow; all (k,).

    formula : `_churchill` or `_swamee_jain`. share : one over the number of units in parallel. one to four : what
    `_prepare` made of the branch.
    """
    for k in range(first, last):
        unit = flow[k] * share[k]
        number = abs(unit) * three[k]
        number = number if number > CREEPING else CREEPING
        factor, bend = formula(number, four[k])
        friction = one[k] * number
        fittings = two[k] * abs(unit)
        loss[k] = (friction * factor + fittings) * unit
        slope[k] = (friction * (2.0 * factor + bend) + 2.0 * fittings) * share[k]


@_line
def _pumps(first, last, flow, share, one, two, three, four, loss, slope):
    """As `_pipes` of pumps; the slope is never less than a little beyond no flow."""
    for k in range(first, last):
        unit = flow[k] * share[k]
        size = abs(unit)
        least = size if size > four[k] else four[k]
        loss[k] = -one[k] - (two[k] + three[k] * size) * unit
        slope[k] = -(two[k] + 2.0 * three[k] * least) * share[k]


@_line
def _orifices(first, last, flow, share, one, two, loss, slope):
    """As `_pipes` of whatever loses with the square of the flow, linear about none."""
    for k in range(first, last):
        unit = flow[k] * share[k]
        root = math.sqrt(unit * unit + two[k])
        loss[k] = one[k] * unit * root
        slope[k] = one[k] * (root + unit * unit / root) * share[k]


@_line
def _powers(first, last, flow, share, one, two, three, four, loss, slope):
    """As `_pipes` of a power law of the flow, linear about none."""
    for k in range(first, last):
        unit = flow[k] * share[k]
        square = unit * unit + two[k]
        steep = one[k] * _exp(four[k] * _log(square))
        fittings = three[k] * abs(unit)
        loss[k] = (steep + fittings) * unit
        slope[k] = (steep * (1.0 + 2.0 * four[k] * unit * unit / square) + 2.0 * fittings) * share[k]


@_line
def _law(kind, first, last, flow, share, one, two, three, four, loss, slope):
    """Potential lost in a run of branches of a kind, from the first place to the last, and its slope over the flow."""
    if kind == CHURCHILL:
        _pipes(_churchill, first, last, flow, share, one, two, three, four, loss, slope)
    elif kind == SWAMEE_JAIN:
        _pipes(_swamee_jain, first, last, flow, share, one, two, three, four, loss, slope)
    elif kind == PUMP:
        _pumps(first, last, flow, share, one, two, three, four, loss, slope)
    elif kind in (HAZEN_WILLIAMS, POWER):
        _powers(first, last, flow, share, one, two, three, four, loss, slope)
    elif kind != FIXED:
        _orifices(first, last, flow, share, one, two, loss, slope)


@_line
def _given(values, number, room):
    """An argument as (scenario, element), in its room if it is a number."""
    room[0, 0] = number
    return values if len(values) > 0 else room


@_line
def _pick(values, scenario, element):
    """Element of an array whose axes are one long where all share the value."""
    return values[scenario if len(values) > 1 else 0, element if values.shape[1] > 1 else 0]


@_line
def _spread(values, places, branch, into):
    """A parameter of a branch in all lanes."""
    column = branch if values.shape[1] > 1 else 0
    if len(values) > 1:
        for lane in range(into.shape[1]):
            into[branch, lane] = values[places[lane], column]
    else:
        value = values[0, column]
        for lane in range(into.shape[1]):
            into[branch, lane] = value


@_line
def _usable(density, viscosity, setting, running, wrong):
    """Marks numbers that cannot be, and puts 1 in their place."""
    for k in range(len(density)):
        fluid = density[k] > 0.0 and density[k] < np.inf and viscosity[k] > 0.0 and viscosity[k] < np.inf
        wrong[k] = (
            0.0 if fluid and running[k] >= 0.0 and running[k] < np.inf and abs(setting[k]) < np.inf else 1.0
        )
    for k in range(len(density)):
        density[k] = density[k] if wrong[k] == 0.0 else 1.0
        viscosity[k] = viscosity[k] if wrong[k] == 0.0 else 1.0
    for k in range(len(density)):
        setting[k] = setting[k] if wrong[k] == 0.0 else 1.0
        running[k] = running[k] if wrong[k] == 0.0 else 1.0


@_line
def _units(running, share, units):
    """One over the number of units and the number, 1 of none; and 1 in place of any that run."""
    for k in range(len(running)):
        some = running[k] if running[k] > 0.0 else 1.0
        share[k] = 1.0 / some
        units[k] = some
    for k in range(len(running)):
        running[k] = 1.0 if running[k] > 0.0 else 0.0


@_line
def _prepare_pipe(raw, places, branch, density, viscosity, one, two, three, four, flow):
    """The law of a pipe in all lanes, and its first flow in place of its number of units."""
    lanes = flow.shape[1]
    several = len(raw) > 1
    for lane in range(lanes):
        scenario = places[lane] if several else 0
        number = raw[scenario, branch, 2] / viscosity[branch, lane]
        one[branch, lane] = raw[scenario, branch, 0] / (density[branch, lane] * number)
        two[branch, lane] = raw[scenario, branch, 1] / density[branch, lane]
        three[branch, lane] = number
        four[branch, lane] = raw[scenario, branch, 3]
        flow[branch, lane] *= BRISK / number


@_line
def _prepare(
    kind, check, branch, lane, raw, scenario, density, viscosity, setting, gravity,
    one, two, three, four, flow,
):  # fmt: skip
    """The law of any other branch in a lane, and its first flow in place of its number of units.

    True if it passes flow at all.
    """
    passing = True
    one[branch, lane] = two[branch, lane] = three[branch, lane] = four[branch, lane] = 1.0
    unit = 1.0
    first, second = raw[scenario, branch, 0], raw[scenario, branch, 1]
    third, fourth = raw[scenario, branch, 2], raw[scenario, branch, 3]
    if kind == HAZEN_WILLIAMS:
        creeping = viscosity / third
        one[branch, lane] = first * gravity * math.exp(-0.852 * math.log(density))
        two[branch, lane] = creeping * creeping
        three[branch, lane] = second / density
        four[branch, lane] = 0.426
        unit = BRISK * creeping
    elif kind == PUMP:
        passing = setting > 0.0 or not check
        unit = fourth * max(setting, 0.05) * density
        one[branch, lane] = first * setting * setting
        two[branch, lane] = second * setting / density
        three[branch, lane] = third / (density * density)
        four[branch, lane] = 1e-4 * unit
    elif kind in (EQUAL_PERCENTAGE, LINEAR, COUPLING):
        passing = setting > 0.0
        area = first * (setting if passing else 1.0)
        if kind == EQUAL_PERCENTAGE:
            lift = max(setting, STROKE)
            area = first * math.exp((lift - 1.0) * second) * ((setting if passing else lift) / lift)
        creeping = math.pi * area * viscosity * viscosity / 4.0
        one[branch, lane] = 1.0 / (density * area * area)
        two[branch, lane] = creeping
        unit = BRISK * math.sqrt(creeping)
    elif kind == LIMITER:
        passing = setting > 0.0
        unit = first * density * (setting if passing else 1.0)
        one[branch, lane] = second / (unit * unit)
        two[branch, lane] = FAINT * FAINT * unit * unit
    elif kind == POWER:
        unit = third
        one[branch, lane] = setting * first
        two[branch, lane] = FAINT * FAINT * unit * unit
        three[branch, lane] = 0.0
        four[branch, lane] = second
    else:
        unit = first * setting
        passing = unit != 0.0
    flow[branch, lane] *= unit
    return passing


@_line
def _confine(flow, mode, live, branch, lane, low, high, slack):
    """Hold the flow of a branch at the limit that it has passed; true if by more than `slack`, which is rounding.

    Of check valves in a row that open together each would else close again for what rounding makes of no flow.
    """
    if live[branch, lane] == 0.0 or low <= flow[branch, lane] <= high:
        return False
    below = flow[branch, lane] < low
    limit = low if below else high
    passed = abs(flow[branch, lane] - limit) > slack
    flow[branch, lane] = limit
    if passed:
        mode[branch, lane] = CHECKED if below else LIMITED
        live[branch, lane] = 0.0
    return passed


@_line
def _residuals(first, last, drop, loss, slope, live, conductance, gap):
    """Flow that more potential would add, and potential left over by each law; none where no law holds."""
    for k in range(first, last):
        conductance[k] = live[k] / slope[k]
        gap[k] = live[k] * (drop[k] - loss[k])


@_line
def _factor(
    columns, rows, fills, lanes, diagonal, whole, off, right, scale, least, inverse, stuck, inner, ratio, here
):
    """Elimination of the nodes, in place; `right` ends as the change of the potentials.

    An island that hangs on nothing has no pivot left in its last row: that row is held, or, if more flows in
    than out, moved by `scale` (lane,), which opens what can be opened; stuck (lane,) says that this was so.
    """
    nodes = len(columns) - 1
    after = np.uint64(1)
    update = np.uint64(0)
    stuck[:] = 0.0
    for node in range(nodes):
        for lane in range(lanes):
            whole[node, lane] = diagonal[node, lane]
    for node in range(nodes):
        hung = 0
        for lane in range(lanes):
            pivot = diagonal[node, lane]
            held = not pivot > PIVOT * whole[node, lane]
            inner[lane] = 0.0 if held else 1.0 / pivot
            hung += 1 if held else 0
        if hung > 0:
            for lane in range(lanes):
                if inner[lane] == 0.0 and abs(right[node, lane]) > least[lane]:
                    stuck[lane] = 1.0
        for lane in range(lanes):
            inverse[node, lane] = inner[lane]
            here[lane] = right[node, lane]
        last = columns[node + 1]
        for entry in range(columns[node], last):
            row = rows[entry]
            for lane in range(lanes):
                ratio[lane] = off[entry, lane] * inner[lane]
            for lane in range(lanes):
                right[row, lane] -= ratio[lane] * here[lane]
            for lane in range(lanes):
                diagonal[row, lane] -= ratio[lane] * off[entry, lane]
            for other in range(entry + after, last):
                place = fills[update]
                update += after
                for lane in range(lanes):
                    off[place, lane] = off[place, lane] - ratio[lane] * off[other, lane]
            for lane in range(lanes):
                off[entry, lane] = ratio[lane]
    for above in range(nodes):
        node = np.uint64(nodes - 1 - above)  # type: ignore[assignment]
        hung = 0
        for lane in range(lanes):
            inner[lane] = right[node, lane] * inverse[node, lane]
            hung += 1 if inverse[node, lane] == 0.0 else 0
        if hung > 0:
            for lane in range(lanes):
                if inverse[node, lane] == 0.0 and abs(right[node, lane]) > least[lane]:
                    inner[lane] = scale[lane] if right[node, lane] > 0.0 else -scale[lane]
        for entry in range(columns[node], columns[node + after]):
            row = rows[entry]
            for lane in range(lanes):
                inner[lane] -= off[entry, lane] * right[row, lane]
        for lane in range(lanes):
            right[node, lane] = inner[lane]


@_line
def _anchor(nodes, starts, ends, mode, lane, anchored):
    """Which rows open branches join to one of fixed pressure: 1, else 0."""
    for row in range(len(anchored)):
        anchored[row, lane] = 0.0 if row < nodes else 1.0
    spreading = True
    while spreading:
        spreading = False
        for branch in range(len(starts)):
            if mode[branch, lane] == OPEN:
                start_row, end_row = starts[branch], ends[branch]
                if anchored[start_row, lane] != anchored[end_row, lane]:
                    anchored[start_row, lane] = anchored[end_row, lane] = 1.0
                    spreading = True


@_kernel
def settle(
    index, height, gravity, raw, density, viscosity, setting, running, demand, fixed, start, numbers, tolerance,
    passes, lanes_, flows_, pressures_, modes_, settled, reasons, counts,
):  # fmt: skip
    """Newton passes until each scenario has settled or failed, as many side by side as `lanes_` is long.

    raw (scenario, branch, 4), density, viscosity, setting, running (scenario, branch), demand (scenario, node),
    fixed (scenario, fixed node), start (scenario, branch), without rows for none : any axis but that of raw's
    parameters is one long where all share the value. flows, modes (scenario, branch), pressures (scenario,
    node), reasons, counts (scenario,) are filled.
    """
    # The fields of the `thermal.network.Table`, each by a name: owners of a tuple's are counted each time it is read.
    indices = index.view(np.uint64)
    kinds, segments = index[index[0] : index[1]], index[index[1] : index[2]]
    run_kinds, runs = index[index[2] : index[3]], index[index[3] : index[4]]
    laws, starts = index[index[4] : index[5]], indices[index[5] : index[6]]
    ends, places = indices[index[6] : index[7]], indices[index[7] : index[8]]
    checks, limited = index[index[8] : index[9]], indices[index[9] : index[10]]
    node_of, held_count = index[index[10] : index[11]], index[12] - index[11]
    columns, rows = indices[index[12] : index[13]], indices[index[13] : index[14]]
    fills = indices[index[14] : index[15]]
    lanes = len(lanes_)
    branches, nodes = len(starts), len(columns) - 1
    points, entries, total = nodes + held_count, len(rows), len(reasons)
    # A room for all of a kind: a small network is solved in the time that so many of their own would take.
    of_branch, of_limit = np.empty((15, branches, lanes)), np.empty((3, len(limited), lanes))
    of_point, off, of_lane = (
        np.zeros((7, points, lanes)),
        np.zeros((entries + 1, lanes)),
        np.zeros((29, lanes)),
    )
    of_lane_too, of_argument = np.zeros((5, lanes), np.int64), np.empty((7, 1))
    one, two, three, four, loss = of_branch[0], of_branch[1], of_branch[2], of_branch[3], of_branch[4]
    slope, share, flow, step, drop = of_branch[5], of_branch[6], of_branch[7], of_branch[8], of_branch[9]
    gap, conductance, mode, live, lift = (
        of_branch[10],
        of_branch[11],
        of_branch[12],
        of_branch[13],
        of_branch[14],
    )
    low, high, eager = of_limit[0], of_limit[1], of_limit[2]
    flow_, share_, one_, two_ = flow.ravel(), share.ravel(), one.ravel(), two.ravel()
    three_, four_, loss_, slope_ = three.ravel(), four.ravel(), loss.ravel(), slope.ravel()
    drop_, gap_, conductance_, live_ = drop.ravel(), gap.ravel(), conductance.ravel(), live.ravel()
    potential, change, right, drawn = of_point[0], of_point[1], of_point[2], of_point[3]
    diagonal, whole, inverse = of_point[4], of_point[5], of_point[6]
    worst_flow, worst_drop, most_flow, most_drop = of_lane[0], of_lane[1], of_lane[2], of_lane[3]
    usual_flow, usual_drop, least, scale = of_lane[4], of_lane[5], of_lane[6], of_lane[7]
    fall, rise, switched, worst_hold, stuck = of_lane[8], of_lane[9], of_lane[10], of_lane[11], of_lane[12]
    free, back, steps_back, moving, balanced = (
        of_lane[13], of_lane[14], of_lane[15], of_lane[16], of_lane[17],
    )  # fmt: skip
    before, released, noise, reach = of_lane[18], of_lane[19], of_lane[20], of_lane[21]
    hopeless, level, reference, origin = of_lane[22], of_lane[23], of_lane[24], of_lane[25]
    inner, ratio, here = of_lane[26], of_lane[27], of_lane[28]
    reason, count, candidate = of_lane_too[0], of_lane_too[1], of_lane_too[2]
    release, place_of = of_lane_too[3], of_lane_too[4]
    of_branch[:4] = 1.0
    begun = len(start) > 0 or numbers[6] == numbers[6]
    density = _given(density, numbers[0], of_argument[0:1])
    viscosity = _given(viscosity, numbers[1], of_argument[1:2])
    setting = _given(setting, numbers[2], of_argument[2:3])
    running = _given(running, numbers[3], of_argument[3:4])
    demand = _given(demand, numbers[4], of_argument[4:5])
    fixed = _given(fixed, numbers[5], of_argument[5:6])
    start = _given(start, numbers[6], of_argument[6:7])
    flows, modes = flows_.reshape(total, branches), modes_.reshape(total, branches)
    pressures = pressures_.reshape(total, points)
    loss_[:] = 0.0
    slope_[:] = 1.0
    share_[:] = 1.0

    for first in range(0, total, lanes):
        # ---- Each lane's laws, constraints and first flows.
        of_lane[:] = 0.0
        change[:] = 0.0
        for lane in range(lanes):
            place_of[lane] = min(first + lane, total - 1)
            reference[lane] = _pick(density, place_of[lane], 0)
            origin[lane] = _pick(fixed, place_of[lane], 0)
            before[lane] = 0.0
            switched[lane] = 1.0
            release[lane] = -1
            count[lane] = 0
        for branch in range(branches):
            falling = (height[starts[branch]] - height[ends[branch]]) * gravity
            # In the room of what is not yet known.
            _spread(density, place_of, branch, drop)
            _spread(viscosity, place_of, branch, gap)
            _spread(setting, place_of, branch, step)
            _spread(running, place_of, branch, live)
            for lane in range(lanes):
                lift[branch, lane] = (drop[branch, lane] - reference[lane]) * falling
        _usable(drop_, gap_, step.ravel(), live_, conductance_)
        for branch in range(branches):
            for lane in range(lanes):
                before[lane] = 1.0 if conductance[branch, lane] != 0.0 else before[lane]
        for lane in range(lanes):
            reason[lane] = UNSETTLED if before[lane] == 0.0 else UNDEFINED
        _units(live_, share_, flow_)
        for segment in range(len(kinds)):
            kind = kinds[segment]
            for branch in range(segments[segment], segments[segment + 1]):
                if kind in (CHURCHILL, SWAMEE_JAIN):
                    _prepare_pipe(raw, place_of, branch, drop, gap, one, two, three, four, flow)
                    continue
                for lane in range(lanes):
                    asked = step[branch, lane]
                    if (asked < 0.0 and kind != FIXED) or (asked == 0.0 and kind == POWER):
                        reason[lane] = UNDEFINED
                        asked = 1.0
                    passing = _prepare(
                        kind, checks[branch], branch, lane, raw, place_of[lane] if len(raw) > 1 else 0,
                        drop[branch, lane], gap[branch, lane], asked, gravity,
                        one, two, three, four, flow,
                    )  # fmt: skip
                    live[branch, lane] = live[branch, lane] if passing else 0.0
        for branch in range(branches):
            for lane in range(lanes):
                mode[branch, lane] = CLOSED - live[branch, lane] * (CLOSED - OPEN)
                step[branch, lane] = 0.0
        for one_of in range(len(limited)):
            branch = limited[one_of]
            for lane in range(lanes):
                low[one_of, lane] = 0.0 if checks[branch] else -np.inf
                high[one_of, lane] = np.inf
                if laws[branch] == LIMITER:
                    high[one_of, lane] = flow[branch, lane]
        for row in range(nodes):
            for lane in range(lanes):
                taken = _pick(demand, place_of[lane], node_of[row])
                reason[lane] = reason[lane] if abs(taken) < np.inf else UNDEFINED
                drawn[row, lane] = taken
                potential[row, lane] = 0.0
        for row in range(held_count):
            above = height[nodes + row] - height[nodes]
            for lane in range(lanes):
                held = _pick(fixed, place_of[lane], row)
                reason[lane] = reason[lane] if abs(held) < np.inf else UNDEFINED
                potential[nodes + row, lane] = held - origin[lane] + reference[lane] * gravity * above
        for lane in range(lanes):
            moving[lane] = 1.0 if reason[lane] == UNSETTLED else 0.0

        for turn in range(-1, passes):
            if turn < 0:
                # ---- What is usual at the first flows; then those that are given, if any.
                for run in range(len(run_kinds)):
                    run_start, run_end = runs[run], runs[run + 1]
                    _law(
                        run_kinds[run], np.uint64(run_start * lanes), np.uint64(run_end * lanes), flow_, share_,
                        one_, two_, three_, four_, loss_, slope_,
                    )  # fmt: skip
                    for branch in range(np.uint64(run_start), np.uint64(run_end)):
                        for lane in range(lanes):
                            flow[branch, lane] *= live[branch, lane]
                            size = abs(flow[branch, lane])
                            usual_flow[lane] = size if size > usual_flow[lane] else usual_flow[lane]
                        for lane in range(lanes):
                            size = abs(loss[branch, lane]) * live[branch, lane]
                            usual_drop[lane] = size if size > usual_drop[lane] else usual_drop[lane]
                for one_of in range(len(limited)):
                    branch = limited[one_of]
                    for lane in range(lanes):
                        eager[one_of, lane] = slope[branch, lane]
                for segment in range(len(kinds)):
                    if kinds[segment] == FIXED:
                        for branch in range(segments[segment], segments[segment + 1]):
                            for lane in range(lanes):
                                mode[branch, lane] = LIMITED if live[branch, lane] != 0.0 else CLOSED
                                live[branch, lane] = 0.0
                for lane in range(lanes):
                    most_drop[lane] = usual_drop[lane]
                    reach[lane] = usual_drop[lane]
                    for row in range(nodes, points):
                        reach[lane] = max(reach[lane], abs(potential[row, lane]))
                if not begun:
                    continue
                for branch in range(branches):
                    for lane in range(lanes):
                        given = _pick(start, place_of[lane], branch)
                        if live[branch, lane] != 0.0 and abs(given) < np.inf:
                            flow[branch, lane] = given
                for one_of in range(len(limited)):
                    branch = limited[one_of]
                    for lane in range(lanes):
                        _confine(flow, mode, live, branch, lane, low[one_of, lane], high[one_of, lane], 0.0)
                continue

            # ---- What is short of each law, what holds a branch that its law would let go, and the matrix.
            for lane in range(lanes):
                scale[lane] = most_drop[lane] + 1e-3 * usual_drop[lane]
                worst_hold[lane] = released[lane] = rise[lane] = 0.0
                worst_flow[lane] = worst_drop[lane] = most_flow[lane] = most_drop[lane] = 0.0
                candidate[lane] = -1
            for row in range(points):
                for lane in range(lanes):
                    size = abs(potential[row, lane])
                    most_drop[lane] = size if size > most_drop[lane] else most_drop[lane]
                for lane in range(lanes):
                    right[row, lane] = -drawn[row, lane]
                for lane in range(lanes):
                    diagonal[row, lane] = 0.0
            off[:] = 0.0
            for lane in range(lanes):
                noise[lane] = ROUNDING * most_drop[lane]
            one_of = 0
            for run in range(len(run_kinds)):
                run_start, run_end = runs[run], runs[run + 1]
                from_, to = np.uint64(run_start * lanes), np.uint64(run_end * lanes)
                if turn > 0 or begun:
                    _law(run_kinds[run], from_, to, flow_, share_, one_, two_, three_, four_, loss_, slope_)
                for branch in range(np.uint64(run_start), np.uint64(run_end)):
                    start_row, end_row = starts[branch], ends[branch]
                    for lane in range(lanes):
                        pull = potential[start_row, lane] - potential[end_row, lane]
                        drop[branch, lane] = pull + lift[branch, lane]
                while one_of < len(limited) and limited[one_of] < np.uint64(run_end):
                    branch = limited[one_of]
                    for lane in range(lanes):
                        now = mode[branch, lane]
                        if now in (CHECKED, LIMITED):
                            held = drop[branch, lane] - loss[branch, lane]
                            held = held if now == CHECKED else -held
                            if held > tolerance * scale[lane]:
                                if held > worst_hold[lane]:
                                    worst_hold[lane] = held
                                    candidate[lane] = branch
                                if moving[lane] != 0.0 and (turn < PATIENT or release[lane] == branch):
                                    mode[branch, lane] = OPEN
                                    live[branch, lane] = 1.0
                                    slope[branch, lane] = eager[one_of, lane]
                                    released[lane] = 1.0
                    one_of += 1
                _residuals(from_, to, drop_, loss_, slope_, live_, conductance_, gap_)
                for branch in range(np.uint64(run_start), np.uint64(run_end)):
                    for lane in range(lanes):
                        size = abs(flow[branch, lane])
                        most_flow[lane] = size if size > most_flow[lane] else most_flow[lane]
                    for lane in range(lanes):
                        size = abs(gap[branch, lane]) - noise[lane]
                        worst_drop[lane] = size if size > worst_drop[lane] else worst_drop[lane]
                    for lane in range(lanes):
                        size = (abs(gap[branch, lane]) - noise[lane]) * conductance[branch, lane]
                        worst_flow[lane] = size if size > worst_flow[lane] else worst_flow[lane]
                    for lane in range(lanes):
                        rise[lane] -= gap[branch, lane] * step[branch, lane]
                    start_row, end_row, place = starts[branch], ends[branch], places[branch]
                    for lane in range(lanes):
                        before[lane] = flow[branch, lane] + conductance[branch, lane] * gap[branch, lane]
                    for lane in range(lanes):
                        right[start_row, lane] -= before[lane]
                    for lane in range(lanes):
                        right[end_row, lane] += before[lane]
                    for lane in range(lanes):
                        diagonal[start_row, lane] += conductance[branch, lane]
                    for lane in range(lanes):
                        diagonal[end_row, lane] += conductance[branch, lane]
                    for lane in range(lanes):
                        off[place, lane] -= conductance[branch, lane]

            # ---- What each lane does next: rest, go back a part of its last step, or step.
            going = False
            for lane in range(lanes):
                release[lane] = candidate[lane]
                free[lane] = back[lane] = 0.0
                if moving[lane] == 0.0:
                    continue
                flow_size = most_flow[lane] + 1e-3 * usual_flow[lane]
                drop_size = most_drop[lane] + 1e-3 * usual_drop[lane]
                scale[lane] = 2.0 * reach[lane]
                least[lane] = 1e-9 * flow_size
                count[lane] = turn
                calm = switched[lane] == 0.0 and worst_hold[lane] == 0.0
                small = (
                    worst_flow[lane] <= tolerance * flow_size and worst_drop[lane] <= tolerance * drop_size
                )
                if not worst_flow[lane] + worst_drop[lane] + most_drop[lane] + most_flow[lane] < np.inf:
                    moving[lane] = 0.0
                elif calm and small and balanced[lane] != 0.0:
                    reason[lane] = SETTLED
                    moving[lane] = 0.0
                elif calm and level[lane] != 0.0 and rise[lane] > 0.5 * fall[lane] and steps_back[lane] < 8.0:
                    # Along the step the loss grows as a square: where it meets what drives it. Only of flows that
                    # balance is the step one downhill.
                    kept = math.sqrt(fall[lane] / (fall[lane] + rise[lane]))
                    back[lane] = 1.0 - max(1e-3, min(kept, 0.7))
                    steps_back[lane] += 1.0
                    fall[lane] *= 1.0 - back[lane]
                    going = True
                else:
                    going = True
                    free[lane] = 1.0
                    steps_back[lane] = fall[lane] = 0.0
                    switched[lane] = released[lane]
            if not going:
                break

            # ---- The step, or the way back.
            _factor(
                columns,
                rows,
                fills,
                lanes,
                diagonal,
                whole,
                off,
                right,
                scale,
                least,
                inverse,
                stuck,
                inner,
                ratio,
                here,
            )
            for row in range(nodes):
                for lane in range(lanes):
                    moved = free[lane] * right[row, lane] - back[lane] * change[row, lane]
                    potential[row, lane] += moved
                    kept = (1.0 - free[lane]) * change[row, lane]
                    change[row, lane] = free[lane] * right[row, lane] + (1.0 - back[lane]) * kept
            for row in range(nodes, points):
                for lane in range(lanes):
                    right[row, lane] = 0.0
            for branch in range(branches):
                start_row, end_row = starts[branch], ends[branch]
                for lane in range(lanes):
                    before[lane] = gap[branch, lane] + right[start_row, lane] - right[end_row, lane]
                for lane in range(lanes):
                    pull = before[lane]
                    before[lane] = free[lane] * conductance[branch, lane] * pull
                    fall[lane] += before[lane] * pull
                for lane in range(lanes):
                    flow[branch, lane] += before[lane] - back[lane] * step[branch, lane]
                for lane in range(lanes):
                    kept = (1.0 - free[lane]) * (1.0 - back[lane])
                    step[branch, lane] = before[lane] + kept * step[branch, lane]
            for one_of in range(len(limited)):
                branch = limited[one_of]
                for lane in range(lanes):
                    if moving[lane] != 0.0:
                        slack = (
                            SLACK * usual_flow[lane] + ROUNDING * conductance[branch, lane] * most_drop[lane]
                        )
                        held = _confine(
                            flow, mode, live, branch, lane, low[one_of, lane], high[one_of, lane], slack
                        )
                        switched[lane] = 1.0 if held else switched[lane]
            for lane in range(lanes):
                if free[lane] != 0.0:
                    level[lane] = balanced[lane]
                    balanced[lane] = 1.0 if switched[lane] == 0.0 and stuck[lane] == 0.0 else 0.0
                hopeless[lane] = hopeless[lane] + 1.0 if stuck[lane] != 0.0 else 0.0
                if hopeless[lane] > HOPELESS:
                    moving[lane] = 0.0

        # ---- Results; a node to which nothing open leads from a fixed one has no pressure of its own.
        used = min(lanes, total - first)
        for lane in range(used):
            if reason[lane] == UNSETTLED and stuck[lane] != 0.0:
                reason[lane] = SEPARATED
            before[lane] = 0.0 if reason[lane] == SETTLED else np.nan
            settled[first + lane] = reason[lane] == SETTLED
            reasons[first + lane] = reason[lane]
            counts[first + lane] = count[lane]
        for branch in range(branches):
            for lane in range(used):
                flows[first + lane, branch] = flow[branch, lane] + before[lane]
            for lane in range(used):
                modes[first + lane, branch] = np.int8(mode[branch, lane])
        for row in range(points):
            weight = gravity * (height[row] - height[nodes])
            place = node_of[row]
            for lane in range(used):
                value = potential[row, lane] + (origin[lane] - reference[lane] * weight)
                pressures[first + lane, place] = value + before[lane]
        for lane in range(used):
            anchored = True
            for row in range(nodes):
                anchored = anchored and inverse[row, lane] != 0.0
            if not anchored and reason[lane] == SETTLED:
                _anchor(nodes, starts, ends, mode, lane, change)
                for row in range(nodes):
                    if change[row, lane] == 0.0:
                        pressures[first + lane, node_of[row]] = np.nan
