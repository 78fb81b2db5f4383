"""Network hydraulics against closed forms, Hardy Cross, EPANET and its example network 1."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from thermal.branch import (
    Coupling,
    FixedFlow,
    Friction,
    HazenWilliamsPipe,
    Law,
    Limiter,
    Pipe,
    Pump,
    Resistance,
    Trim,
    Valve,
    flow_area_cv,
    flow_area_kv,
)
from thermal.hydraulics import Fault, Mode, Reason, authority, findings, pressure_drop, solve
from thermal.network import network
from thermal.pipe import pressure_drop as pipe_drop
from thermal.pump import head

WATER = {"density": 998.2, "viscosity": 1e-3}
# Of a flow that is none: rounding of the pressures, 1e-15 of them, through the slope of a laminar pipe.
STILL = 1e-10
# Flows agree with the laws to 1e-10 of the largest; the laminar end of a square law adds 1e-10 at rated flow.
TIGHT = 1e-8


def squares(start, end, coefficient):
    """Branches that lose `coefficient` m^2 [Pa]."""
    return Resistance(start, end, coefficient, 1.0, 2.0)


# ---- Single branches.


@pytest.mark.parametrize("drop", [1.0, 300.0, 20e3, 1e6])
def test_a_pipe_loses_what_the_pipe_module_says(drop):
    line = network([Pipe([0], [1], 0.05, 20.0, 45e-6, 3.0)], fixed=[0, 1])
    state = solve(line, **WATER, pressure=[drop, 0.0])
    flow = state.mass_flow[0] / WATER["density"]
    expected = pipe_drop(flow, 0.05, 20.0, 45e-6, 3.0, WATER["density"], WATER["viscosity"])
    np.testing.assert_allclose(expected, drop, rtol=1e-9)


def test_laminar_flow_is_hagen_poiseuille():
    for friction in Friction:
        tube = network([Pipe([0], [1], 0.01, 5.0, 0.0, friction=friction)], fixed=[0, 1])
        state = solve(tube, density=1000.0, viscosity=0.1, pressure=[500.0, 0.0])
        # Churchill's turbulent part adds less than 1e-12 at a Reynolds number below 1.
        np.testing.assert_allclose(
            state.mass_flow[0], 1000.0 * np.pi * 0.01**4 * 500.0 / (128 * 0.1 * 5.0), rtol=1e-9
        )


@pytest.mark.parametrize("reynolds", [500.0, 1999.0, 2001.0, 3000.0, 3999.0, 4001.0, 1e5, 1e7])
def test_swamee_jain_and_the_cubic_of_dunlop(reynolds):
    diameter, length, rough, density, viscosity = 0.1, 30.0, 2e-4, 1000.0, 1e-3
    flow = reynolds * np.pi * diameter * viscosity / 4

    def turbulent(number):
        return rough / diameter / 3.7 + 5.74 / number**0.9

    factor = 0.25 / np.log10(turbulent(reynolds)) ** 2
    if reynolds < 4000.0:
        y2 = turbulent(4000.0)
        y3 = -0.86859 * np.log(y2)
        fa, r = y3**-2, reynolds / 2000.0
        fb = fa * (2 - 0.00514215 / (y2 * y3))
        x3, x4 = -0.128 + 13 * fa - 2 * fb, r * (0.032 - 3 * fa + 0.5 * fb)
        factor = 7 * fa - fb + r * (0.128 - 17 * fa + 2.5 * fb + r * (x3 + x4))
    if reynolds < 2000.0:
        factor = 64 / reynolds
    speed = flow / (density * np.pi * diameter**2 / 4)
    drop = factor * length / diameter * density * speed**2 / 2
    pipe = Pipe([0], [1], diameter, length, rough, friction=Friction.SWAMEE_JAIN)
    state = solve(network([pipe], fixed=[0, 1]), density, viscosity, pressure=[drop, 0.0])
    # The five printed digits of 0.86859.
    np.testing.assert_allclose(state.mass_flow[0], flow, rtol=1e-5)


def test_a_valve_passes_its_kv_and_its_cv():
    for area, flow, drop in (
        (flow_area_kv(4.0), 4.0 / 3600.0, 1e5),
        (flow_area_cv(4.0), 4.0 * 3.785411784e-3 / 60.0, 6894.757293168),
    ):
        for branch in Valve([0], [1], area), Coupling([0], [1], area):
            state = solve(network([branch], fixed=[0, 1]), 1000.0, 1e-3, pressure=[drop, 0.0])
            np.testing.assert_allclose(state.mass_flow, 1000.0 * flow, rtol=TIGHT)


def test_trims_of_a_valve():
    opening = np.array([[1.0], [0.5], [0.05], [0.025], [0.0]])
    equal = network([Valve([0], [1], 1e-3, 50.0)], fixed=[0, 1])
    flow = solve(equal, **WATER, pressure=[1e5, 0.0], setting=opening).mass_flow[:, 0]
    share = [1.0, 50.0**-0.5, 50.0**-0.95, 50.0**-0.95 / 2, 0.0]
    np.testing.assert_allclose(flow / flow[0], share, rtol=TIGHT)
    linear = network([Valve([0], [1], 1e-3, trim=Trim.LINEAR)], fixed=[0, 1])
    flow = solve(linear, **WATER, pressure=[1e5, 0.0], setting=opening).mass_flow[:, 0]
    np.testing.assert_allclose(flow / flow[0], opening[:, 0], rtol=TIGHT)


def test_a_filter_fouls():
    mesh = network([Resistance([0], [1], 65e3, 20.0, 1.76)], fixed=[0, 1])
    state = solve(mesh, **WATER, pressure=[65e3, 0.0], setting=[[1.0], [2.0]])
    np.testing.assert_allclose(state.mass_flow[:, 0], [20.0, 20.0 * 0.5 ** (1 / 1.76)], rtol=TIGHT)


def test_what_stands_high_weighs():
    riser = network([Pipe([0], [1], 0.05, 10.0)], fixed=[0], elevation=[0.0, 10.0])
    state = solve(riser, **WATER, pressure=3e5)
    np.testing.assert_allclose(state.pressure, [3e5, 3e5 - 998.2 * 9.80665 * 10.0], rtol=1e-14)
    assert abs(state.mass_flow[0]) < STILL
    # A warm leg beside a cold one: the difference of their weights drives the flow.
    siphon = network([squares([0, 1], [1, 0], [400.0, 400.0])], fixed=[0], elevation=[0.0, 10.0])
    state = solve(siphon, density=[990.0, 1000.0], viscosity=1e-3)
    np.testing.assert_allclose(state.mass_flow, np.sqrt(10 * 9.80665 * 10.0 / 800.0), rtol=TIGHT)


# ---- Laws of networks.


def test_series_and_parallel():
    one, two, three = 500.0, 900.0, 2000.0
    chain = network([squares([0, 1, 2], [1, 2, 3], [one, two, three])], fixed=[0, 3])
    state = solve(chain, **WATER, pressure=[5e3, 0.0])
    np.testing.assert_allclose(state.mass_flow, np.sqrt(5e3 / (one + two + three)), rtol=TIGHT)
    fan = network([squares([0, 0, 0], [1, 1, 1], [one, two, three])], fixed=[0])
    state = solve(fan, **WATER, demand=[0.0, 3.0])
    conductance = np.array([one, two, three]) ** -0.5
    np.testing.assert_allclose(state.mass_flow, 3.0 * conductance / conductance.sum(), rtol=TIGHT)
    np.testing.assert_allclose(state.pressure[1], -((3.0 / conductance.sum()) ** 2), rtol=TIGHT)


def test_units_in_parallel_are_branches_in_parallel():
    alone = network([Pump([0], [1], (2e5, -1e5, -3e7)), squares([1], [0], 300.0)], fixed=[0])
    state = solve(alone, **WATER, running=[[3.0, 1.0]], setting=[[0.8, 1.0]])
    three = Pump([0, 0, 0], [1, 1, 1], (2e5, -1e5, -3e7))
    apart = network([three, squares([1], [0], 300.0)], fixed=[0])
    other = solve(apart, **WATER, setting=[0.8, 0.8, 0.8, 1.0])
    np.testing.assert_allclose(state.mass_flow[0, 1], other.mass_flow[3], rtol=TIGHT)


def test_a_pump_works_where_its_curve_meets_the_loop():
    curve = (476.5e3, 0.0, -0.0002e3 * 60e3**2)
    for speed in 1.0, 0.7, 0.3:
        loop = network([Pump([0], [1], curve), squares([1], [0], 500.0)], fixed=[0])
        state = solve(loop, **WATER, pressure=2e5, setting=[speed, 1.0])
        rise = head(state.mass_flow[0] / WATER["density"], curve, speed)
        np.testing.assert_allclose(state.pressure[1] - 2e5, rise, rtol=1e-9)
        np.testing.assert_allclose(500.0 * state.mass_flow[0] ** 2, rise, rtol=TIGHT)


def test_affinity_of_a_loop_of_square_laws():
    loop = network([Pump([0], [1], (3e5, 0.0, -1e8)), squares([1], [0], 500.0)], fixed=[0])
    speed = np.array([1.0, 0.5, 0.2])
    state = solve(loop, **WATER, setting=np.stack([speed, np.ones(3)], axis=-1))
    np.testing.assert_allclose(state.mass_flow[:, 0] / state.mass_flow[0, 0], speed, rtol=TIGHT)
    np.testing.assert_allclose(state.pressure[:, 1] / state.pressure[0, 1], speed**2, rtol=TIGHT)


def hardy_cross(coefficient, loops, flow, sweeps=200):
    """Flows of square laws by Hardy Cross: each loop's flow is corrected until its drops cancel."""
    for _ in range(sweeps):
        for loop in loops:
            around, sign = np.abs(loop) - 1, np.sign(loop)
            drops = sign * coefficient[around] * flow[around] * np.abs(flow[around])
            slopes = 2 * coefficient[around] * np.abs(flow[around])
            flow[around] -= sign * drops.sum() / slopes.sum()
    return flow


def test_two_loops_agree_with_hardy_cross():
    # 10 kg/s enter at node 0; 2, 5 and 3 leave at nodes 2, 4 and 5. Loops by branch number, negative if against.
    start, end = np.array([0, 1, 0, 3, 1, 4, 2]), np.array([1, 2, 3, 4, 4, 5, 5])
    coefficient = np.array([200.0, 300.0, 150.0, 400.0, 100.0, 250.0, 350.0])
    guess = np.array([6.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0])
    flow = hardy_cross(coefficient, [np.array([1, 5, -4, -3]), np.array([2, 7, -6, -5])], guess)
    grid = network([squares(start, end, coefficient)], fixed=[0])
    state = solve(grid, **WATER, demand=[0.0, 0.0, 2.0, 0.0, 5.0, 3.0])
    np.testing.assert_allclose(state.mass_flow, flow, rtol=TIGHT)


# ---- EPANET.

# US EPA, EPANET example network 1 (public domain): nodes 9, 2, 10, 11, 12, 13, 21, 22, 23, 31, 32.
NET1_ELEVATION = np.array([800, 970, 710, 710, 700, 695, 700, 695, 690, 700, 710]) * 0.3048
NET1_GPM = np.array([0, 0, 0, 150, 150, 100, 150, 200, 150, 100, 100])
NET1_START = np.array([2, 3, 4, 6, 7, 9, 1, 3, 4, 5, 6, 7])
NET1_END = np.array([3, 4, 5, 7, 8, 10, 4, 6, 7, 8, 9, 10])
NET1_LENGTH = np.array([10530, 5280, 5280, 5280, 5280, 5280, 200, 5280, 5280, 5280, 5280, 5280]) * 0.3048
NET1_DIAMETER = np.array([18, 14, 10, 10, 12, 6, 18, 10, 12, 8, 8, 6]) * 0.0254
GPM = 231 * 0.0254**3 / 60


def net1(friction="hazen-williams"):
    """Example network 1 and its demand [kg/s] of water of 1,000 kg/m^3; the pump's curve has one point."""
    ends = NET1_START, NET1_END, NET1_DIAMETER, NET1_LENGTH
    pipes = HazenWilliamsPipe(*ends, 100.0)
    if friction != "hazen-williams":
        pipes = Pipe(*ends, 5e-4, friction=Friction.SWAMEE_JAIN)
    lift, flow = 250 * 0.3048 * 9806.65, 1500 * GPM
    pump = Pump([0], [2], (4 / 3 * lift, 0.0, -lift / 3 / flow**2))
    held = NET1_ELEVATION[:2] * 9806.65
    return network([pipes, pump], fixed=[0, 1]), NET1_GPM * GPM * 1e3, held


def test_example_network_1_of_epanet():
    site, demand, held = net1()
    state = solve(site, 1000.0, 1e-3, held, demand)
    assert state.converged
    heads = [306.1251, 300.2982, 295.6773, 295.3124, 296.1274, 295.3751, 295.2431, 294.8610, 294.3421]
    flows = [
        117.7374, 77.8664, 8.1598, 12.0602, 7.6128, 2.5747, -48.3382, 30.4075, 11.9049, 1.8508, 8.8838,
        3.7343, 117.7374,
    ]  # fmt: skip
    # EPANET 2.2 with its own accuracy of 1e-3; the issue asks for 0.1 %.
    np.testing.assert_allclose(state.pressure[2:] / 9806.65, heads, rtol=1e-5)
    np.testing.assert_allclose(state.mass_flow, flows, rtol=3e-4)


NET1_FILE = """[JUNCTIONS]
{junctions}
[RESERVOIRS]
N0 {low}
N1 {high}
[PIPES]
{pipes}
[PUMPS]
PU N0 N2 HEAD C
[CURVES]
C {flow} {lift}
[TIMES]
Duration 0
[OPTIONS]
Units LPS
Headloss {formula}
Accuracy 1e-8
Trials 500
[END]
"""


@pytest.mark.parametrize(("formula", "friction"), [("H-W", "hazen-williams"), ("D-W", "swamee-jain")])
def test_the_epanet_engine_agrees(tmp_path, formula, friction):
    from epanet import toolkit

    site, demand, held = net1(friction)
    # The gravity that EPANET has built in, for the velocity heads of Darcy-Weisbach.
    gravity = 32.2 * 0.3048 if formula == "D-W" else 9.80665
    weight = 1000.0 * gravity
    rough = 100.0 if formula == "H-W" else 0.5
    columns = zip(NET1_START, NET1_END, NET1_LENGTH, NET1_DIAMETER, strict=True)
    text = NET1_FILE.format(
        junctions="\n".join(f"N{node} 0 {NET1_GPM[node] * GPM * 1e3:.15g}" for node in range(2, 11)),
        low=NET1_ELEVATION[0],
        high=NET1_ELEVATION[1],
        pipes="\n".join(
            f"P{pipe} N{start} N{end} {length:.15g} {1e3 * bore:.15g} {rough} 0 Open"
            for pipe, (start, end, length, bore) in enumerate(columns)
        ),
        flow=f"{1500 * GPM * 1e3:.15g}",
        lift=f"{250 * 0.3048:.15g}",
        formula=formula,
    )
    (tmp_path / "net.inp").write_text(text)
    project = toolkit.createproject()
    toolkit.open(project, str(tmp_path / "net.inp"), str(tmp_path / "net.rpt"), "")
    toolkit.solveH(project)
    heads, flows = toolkit.doubleArray(11), toolkit.doubleArray(13)
    toolkit.getnodevalues(project, toolkit.HEAD, heads)
    toolkit.getlinkvalues(project, toolkit.FLOW, flows)
    toolkit.close(project)
    toolkit.deleteproject(project)

    scale = weight / 9806.65
    raw = site.raw.copy()
    raw[:, 12, :3] *= scale  # the pump's head, in metres of EPANET's gravity
    state = solve(dataclasses.replace(site, raw=raw), 1000.0, 1e3 * 1.1e-5 * 0.3048**2, held * scale, demand)
    # EPANET's constants have five digits or so.
    np.testing.assert_allclose(state.pressure[2:] / weight, [heads[i] for i in range(9)], rtol=1e-4)
    np.testing.assert_allclose(state.mass_flow, [flows[i] for i in range(13)], rtol=5e-4)


# ---- Ordinary states.


def bridge(middle=1e3):
    """Wheatstone's bridge of square laws between nodes 0 and 3, its middle from node 1 to node 2."""
    return [squares([0, 0, 1, 2, 1], [1, 2, 3, 3, 2], [100.0, 200.0, 100.0, 200.0, middle])]


def test_flow_turns_with_the_pressure():
    site = network([Pipe([0, 0, 1, 2, 1], [1, 2, 3, 3, 2], 0.05, [5.0, 9.0, 7.0, 4.0, 6.0])], fixed=[0, 3])
    there = solve(site, **WATER, pressure=[2e4, 0.0])
    back = solve(site, **WATER, pressure=[0.0, 2e4])
    np.testing.assert_allclose(back.mass_flow, -there.mass_flow, rtol=TIGHT)
    # The bridge's middle turns when the demand moves from one of its ends to the other.
    demand = np.zeros((2, 4))
    demand[[0, 1], [1, 2]] = 5.0
    state = solve(site, **WATER, pressure=[2e4, 0.0], demand=demand)
    assert state.mass_flow[0, 4] < 0 < state.mass_flow[1, 4]


def test_a_balanced_bridge_carries_nothing():
    for middle in bridge()[0], Pipe([1], [2], 0.05, 1.0), Coupling([1], [2], 1e-3):
        groups = [squares([0, 0, 1, 2], [1, 2, 3, 3], [100.0, 200.0, 100.0, 200.0])]
        groups.append(squares([1], [2], 1e3) if isinstance(middle, Resistance) else middle)
        state = solve(network(groups, fixed=[0, 3]), **WATER, pressure=[1e4, 0.0])
        assert state.converged
        # No flow is exact to 1e-10 of the flow beside it, through some 1e-4 kg/s per Pa of a laminar middle.
        np.testing.assert_allclose(state.mass_flow[4], 0.0, atol=1e-7)
        np.testing.assert_allclose(state.mass_flow[[0, 2]], np.sqrt(5e3 / 100.0), rtol=TIGHT)


def test_nothing_drives_nothing_flows():
    site = network([*bridge(), Pipe([3, 4], [4, 5], 0.1, 10.0), Pump([5], [0], (1e5, 0.0, -1e7))], fixed=[0])
    state = solve(site, **WATER, pressure=3e5, setting=[1.0] * 7 + [0.0])
    assert state.converged
    np.testing.assert_allclose(state.mass_flow, 0.0, atol=STILL)
    np.testing.assert_allclose(state.pressure, 3e5, rtol=1e-12)
    assert state.mode[7] == Mode.CLOSED


def test_a_closed_branch_is_no_branch():
    site = network(bridge(), fixed=[0, 3])
    running = np.ones((5, 5))
    running[np.arange(5), np.arange(5)] = 0.0
    state = solve(site, **WATER, pressure=[1e4, 0.0], running=running)
    assert state.converged.all()
    group = bridge()[0]
    for closed in range(5):
        left = np.delete(np.arange(5), closed)
        parts = (np.asarray(part)[left] for part in (group.start, group.end, group.drop))
        other = solve(network([squares(*parts)], fixed=[0, 3]), **WATER, pressure=[1e4, 0.0])
        assert state.mass_flow[closed, closed] == 0.0
        assert state.mode[closed, closed] == Mode.CLOSED
        np.testing.assert_allclose(state.mass_flow[closed, left], other.mass_flow, rtol=TIGHT, atol=1e-7)


def test_what_is_cut_off_stands_still_without_a_pressure():
    line = network([Pipe([0, 1, 2], [1, 2, 3], 0.05, 10.0)], fixed=[0, 3])
    state = solve(line, **WATER, pressure=[1e4, 0.0], running=[0.0, 1.0, 0.0])
    assert state.converged
    np.testing.assert_allclose(state.mass_flow, 0.0, atol=STILL)
    assert np.isnan(state.pressure).tolist() == [False, True, True, False]
    one_end = solve(line, **WATER, pressure=[1e4, 0.0], running=[0.0, 1.0, 1.0])
    np.testing.assert_allclose(one_end.pressure, [1e4, 0.0, 0.0, 0.0], atol=1e-9)
    shut = solve(line, **WATER, pressure=[1e4, 0.0], running=0.0)
    assert shut.converged
    np.testing.assert_array_equal(shut.mass_flow, 0.0)


def test_a_stopped_pump_beside_a_running_one():
    pumps, loop = Pump([0, 0], [1, 1], (2e5, 0.0, -5e7)), squares([1], [0], 400.0)
    state = solve(network([pumps, loop], fixed=[0]), **WATER, setting=[1.0, 0.0, 1.0])
    alone = solve(network([Pump([0], [1], (2e5, 0.0, -5e7)), loop], fixed=[0]), **WATER)
    assert state.mass_flow[1] == 0.0
    np.testing.assert_allclose(state.mass_flow[[0, 2]], alone.mass_flow, rtol=TIGHT)
    # Without its check valve the stopped one is a way back for the flow: c q |q| is what it loses.
    pumps = Pump([0, 0], [1, 1], (2e5, 0.0, -5e7), check=False)
    state = solve(network([pumps, loop], fixed=[0]), **WATER, setting=[1.0, 0.0, 1.0])
    back = state.mass_flow[1] / WATER["density"]
    assert back < 0.0
    np.testing.assert_allclose(5e7 * back**2, state.pressure[1], rtol=1e-9)


def test_a_pump_that_is_outdone_stands_at_its_check_valve():
    pumps = Pump([0, 0], [1, 1], (np.array([2e5, 1e5]), 0.0, -5e7))
    state = solve(network([pumps, squares([1], [0], [4e3])], fixed=[0]), **WATER)
    assert state.pressure[1] > 1e5
    assert state.mass_flow[1] == 0.0
    assert state.mode.tolist() == [Mode.OPEN, Mode.CHECKED, Mode.OPEN]
    # More flow lowers the head until the weaker one lifts too.
    state = solve(network([pumps, squares([1], [0], [30.0])], fixed=[0]), **WATER)
    assert state.mass_flow[1] > 0.0
    assert state.mode.tolist() == [Mode.OPEN] * 3


def test_a_check_valve_passes_one_way():
    valve = network([Coupling([0], [1], 1e-3, check=True), squares([1], [2], 100.0)], fixed=[0, 2])
    state = solve(valve, **WATER, pressure=[[1e4, 0.0], [0.0, 1e4], [1e4, 1e4]])
    assert state.converged.all()
    assert state.mass_flow[0, 0] > 0.0
    np.testing.assert_allclose(state.mass_flow[1:], 0.0, atol=STILL)
    np.testing.assert_allclose(state.pressure[1, 1], 1e4, rtol=1e-12)
    # A row of check valves opens as one.
    row = network([Pipe([0, 1, 2], [1, 2, 3], 0.05, 2.0, check=True)], fixed=[0, 3])
    free = network([Pipe([0, 1, 2], [1, 2, 3], 0.05, 2.0)], fixed=[0, 3])
    for start in None, np.zeros(3):
        state = solve(row, **WATER, pressure=[1e4, 0.0], start=start)
        np.testing.assert_allclose(
            state.mass_flow, solve(free, **WATER, pressure=[1e4, 0.0]).mass_flow, rtol=TIGHT
        )


def test_a_limiter_is_the_lesser_of_its_limit_and_its_orifice():
    limiter = network([Limiter([0], [1], 1e-3, 20e3), squares([1], [2], 1e4)], fixed=[0, 2])
    opening, total = np.array([1.0, 1.0, 0.5, 0.5, 0.0]), np.array([200e3, 15e3, 200e3, 9e3, 200e3])
    setting = np.stack([opening, np.ones(5)], axis=-1)
    state = solve(limiter, **WATER, pressure=np.stack([total, np.zeros(5)], axis=-1), setting=setting)
    limit = opening * 1e-3 * 998.2
    with np.errstate(divide="ignore"):
        orifice = np.sqrt(total / (20e3 / limit**2 + 1e4))
    np.testing.assert_allclose(state.mass_flow[:, 0], np.minimum(limit, orifice), rtol=TIGHT)
    modes = [Mode.LIMITED, Mode.OPEN, Mode.LIMITED, Mode.OPEN, Mode.CLOSED]
    assert state.mode[:, 0].tolist() == modes
    # At the limit it takes whatever pressure is left.
    np.testing.assert_array_equal(state.mass_flow[[0, 2], 0], limit[[0, 2]])
    np.testing.assert_allclose(pressure_drop(limiter, state)[0, 0], 200e3 - 1e4 * limit[0] ** 2, rtol=1e-9)


def test_racks_on_limiters_are_served_until_the_pump_is_out_of_head():
    racks = 24
    supply, back = np.arange(1, racks + 1), np.arange(racks + 1, 2 * racks + 1)
    site = network(
        [
            Pump([0], [1], (3e5, 0.0, -2e8)),
            Pipe(supply[:-1], supply[1:], 0.1, 3.0, 45e-6),
            Pipe(back[1:], back[:-1], 0.1, 3.0, 45e-6),
            Limiter(supply, back + racks, 1.5e-3, 25e3),
            Resistance(back + racks, back, 50e3, 1.5, 1.85),
            Pipe(back[:1], [0], 0.1, 3.0, 45e-6),
        ],
        fixed=[0],
    )
    taken = site.place[3]
    state = solve(site, **WATER, setting=np.where(site.law == Law.PUMP, np.array([[1.0], [0.7], [0.5]]), 1.0))
    limited = state.mode[:, taken] == Mode.LIMITED
    assert state.converged.all()
    np.testing.assert_array_equal(state.mass_flow[:, taken][limited], 1.5e-3 * 998.2)
    served = limited.sum(axis=1)
    assert served[0] > served[1] >= served[2]
    drop = pressure_drop(site, state)[:, taken]
    assert (drop[limited] >= 25e3 * (1 - 1e-9)).all()
    assert (drop[~limited] <= 25e3).all()
    # Where it is not limited a limiter is an orifice.
    share = state.mass_flow[:, taken] / (1.5e-3 * 998.2)
    np.testing.assert_allclose(25e3 * share[~limited] ** 2, drop[~limited], rtol=1e-7)


def test_a_fixed_flow_takes_whatever_pressure():
    site = network([FixedFlow([0], [1], 2.0), squares([1], [2], 1e3)], fixed=[0, 2])
    state = solve(site, **WATER, pressure=[0.0, 5e4], setting=[[1.0, 1.0], [-0.5, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(state.mass_flow, np.array([[2.0] * 2, [-1.0] * 2, [0.0] * 2]), atol=STILL)
    np.testing.assert_allclose(state.pressure[:, 1], [5.4e4, 4.9e4, 5e4], rtol=TIGHT)


# ---- Batches, and what has no state.


def scattered(seed, scenarios):
    """A random network of every kind of branch with random liquids, settings, outages and demands."""
    random = np.random.default_rng(seed)
    nodes = int(random.integers(5, 30))
    tree = [(int(random.integers(0, node)), node) for node in range(1, nodes)]
    more = [tuple(random.choice(nodes, 2, replace=False)) for _ in range(nodes)]
    ends = np.array(tree + more)
    ends = np.where(random.random((len(ends), 1)) < 0.5, ends, ends[:, ::-1])
    kind = random.integers(0, 8, len(ends))
    groups = []
    for law in range(8):
        start, end = ends[kind == law].T
        count = len(start)
        check = random.random(count) < 0.3
        bore, length = random.uniform(0.02, 0.2, count), random.uniform(1.0, 50.0, count)
        area = random.uniform(1e-4, 2e-3, count)
        curve = (random.uniform(5e4, 4e5, count), 0.0, -random.uniform(1e7, 1e9, count))
        if count:
            groups.append(
                [
                    Pipe(start, end, bore, length, 45e-6, 2.0, check),
                    Pipe(start, end, bore, length, 45e-6, 2.0, check, Friction.SWAMEE_JAIN),
                    HazenWilliamsPipe(start, end, bore, length, 120.0, 1.0, check),
                    Pump(start, end, curve, ~check),
                    Valve(start, end, area, check=check),
                    Coupling(start, end, area, check),
                    Limiter(start, end, area, 2e4),
                    Resistance(start, end, 1e7 * area, 1e3 * area, 1.85, check),
                ][law]
            )
    held = random.choice(nodes, 2, replace=False)
    site = network(groups, held, random.uniform(0.0, 5.0, nodes))
    shape = scenarios, len(site.start)
    setting = np.where(random.random(shape) < 0.05, 0.0, random.uniform(0.1, 1.0, shape))
    setting[:, site.law == Law.POWER] += 1.0
    running = np.where(random.random(shape) < 0.1, 0.0, random.integers(1, 4, shape))
    demand = random.uniform(-1.0, 1.0, (scenarios, nodes)) * (random.random((scenarios, nodes)) < 0.05)
    return site, {
        "density": random.uniform(950.0, 1050.0, shape),
        "viscosity": 10 ** random.uniform(-3.5, -2.0, shape),
        "pressure": random.uniform(0.0, 3e5, (scenarios, 2)),
        "demand": demand,
        "setting": setting,
        "running": running,
    }


def imbalance(site, flow, demand):
    """What flows into the nodes that are not fixed, less their demand, (scenario, node)."""
    net = -np.array(demand)
    np.add.at(net, (slice(None), site.start), -flow)
    np.add.at(net, (slice(None), site.end), flow)
    return np.delete(net, site.fixed, axis=1)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_keep_what_flows_and_obey_their_valves(seed):
    site, given = scattered(seed, 12)
    state = solve(site, **given)
    good = state.converged
    assert good.sum() > 3
    flow, mode = state.mass_flow[good], state.mode[good]
    largest = np.abs(flow).max()
    np.testing.assert_allclose(imbalance(site, flow, given["demand"][good]), 0.0, atol=1e-9 * largest)
    assert (flow[:, site.table.check] >= 0.0).all()
    np.testing.assert_array_equal(flow[(mode == Mode.CLOSED) | (mode == Mode.CHECKED)], 0.0)
    # Potential falls with the flow through whatever is no pump and open.
    height = np.empty(site.nodes)
    height[site.table.node] = site.table.height
    drop = pressure_drop(site, state)[good]
    drop = drop + given["density"][good] * 9.80665 * (height[site.start] - height[site.end])
    passive = (mode == Mode.OPEN) & (site.law != Law.PUMP) & np.isfinite(drop)
    assert (drop * flow)[passive].min() > -1e-6 * np.abs(drop * flow)[passive].max()
    limited = (mode == Mode.LIMITED) & np.isfinite(drop)
    assert (drop[limited] > 2e4 * (1 - 1e-6)).all()
    checked = (mode == Mode.CHECKED) & np.isfinite(drop) & (site.law != Law.PUMP)
    assert (drop[checked] < 1e-3).all()


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_each_scenario_is_the_same_to_the_bit_alone_and_in_a_batch(seed):
    site, given = scattered(seed, 37)
    given["demand"][5, np.delete(np.arange(site.nodes), site.fixed)[0]] = np.nan
    given["running"][9] = 0.0
    batch = solve(site, **given)
    assert len(np.unique(batch.reason)) > 1
    for scenario in range(37):
        single = solve(site, **{name: value[scenario] for name, value in given.items()})
        for field in dataclasses.fields(single):
            one, all_ = getattr(single, field.name), getattr(batch, field.name)
            np.testing.assert_array_equal(one, all_[scenario], err_msg=field.name)
    back = solve(site, **{name: value[::-1] for name, value in given.items()})
    np.testing.assert_array_equal(back.mass_flow[::-1], batch.mass_flow)


def test_what_has_no_state_is_flagged_and_leaves_its_neighbours_alone():
    site = network(
        [squares([0, 1], [1, 2], 100.0), Coupling([3], [1], 1e-3, check=True), Limiter([1], [4], 1e-3, 1e4)],
        fixed=[0],
    )
    demand = np.zeros((7, 5))
    demand[0, 2] = 1.0
    demand[1, 2] = 1.0
    demand[2, 3] = 1.0  # against the check valve
    demand[3, 3] = -1.0  # with it
    demand[4, 4] = 2.0  # more than the limit
    demand[5, 4] = 0.5  # less
    demand[6, 2] = np.inf
    running = np.ones((7, 4))
    running[1, 1] = 0.0
    state = solve(site, **WATER, demand=demand, running=running)
    assert [Reason(reason).name for reason in state.reason] == [
        "SETTLED", "SEPARATED", "SEPARATED", "SETTLED", "SEPARATED", "SETTLED", "UNDEFINED",
    ]  # fmt: skip
    assert state.converged.tolist() == [True, False, False, True, False, True, False]
    assert np.isnan(state.mass_flow[~state.converged]).all()
    assert np.isnan(state.pressure[~state.converged]).all()
    assert np.isfinite(state.mass_flow[state.converged]).all()
    few = solve(site, **WATER, demand=demand[0], passes=2)
    assert (few.converged, few.reason) == (False, Reason.UNSETTLED)


@pytest.mark.parametrize(
    "wrong",
    [{"density": 0.0}, {"viscosity": -1.0}, {"setting": -0.1}, {"running": -1.0}, {"pressure": np.nan}],
)
def test_numbers_that_cannot_be_are_undefined(wrong):
    site = network([Valve([0], [1], 1e-3)], fixed=[0, 1])
    state = solve(site, **WATER | {"pressure": [1.0, 0.0]} | wrong)
    assert state.reason == Reason.UNDEFINED
    assert np.isnan(state.mass_flow).all()


def test_a_start_changes_the_way_and_not_the_result():
    site, given = scattered(3, 20)
    cold = solve(site, **given)
    good = cold.converged
    warm = solve(site, **given, start=cold.mass_flow)
    largest = np.abs(cold.mass_flow[good]).max()
    np.testing.assert_allclose(warm.mass_flow[good], cold.mass_flow[good], atol=1e-8 * largest)
    smooth = network(bridge(), fixed=[0, 3])
    cold = solve(smooth, **WATER, pressure=[1e4, 0.0])
    warm = solve(smooth, **WATER, pressure=[1.001e4, 0.0], start=cold.mass_flow)
    assert warm.passes < cold.passes


def test_leading_axes_keep_their_places():
    site = network(bridge(), fixed=[0, 3])
    pressure = np.zeros((3, 1, 2))
    pressure[:, 0, 0] = [1e3, 2e3, 3e3]
    setting = np.ones((4, 5))
    setting[:, 4] = [1.0, 2.0, 3.0, 4.0]
    state = solve(site, **WATER, pressure=pressure, setting=setting)
    assert state.mass_flow.shape == (3, 4, 5)
    assert state.pressure.shape == (3, 4, 4)
    assert state.converged.shape == state.reason.shape == (3, 4)
    alone = solve(site, **WATER, pressure=pressure[2, 0], setting=setting[1])
    np.testing.assert_array_equal(state.mass_flow[2, 1], alone.mass_flow)
    with pytest.raises(ValueError, match="4 elements on its last axis where 5 belong"):
        solve(site, **WATER, running=np.ones(4))


def test_an_argument_may_be_a_number_or_any_array_of_it():
    """Bits are the same, and nothing is compiled anew for a kind of array."""
    from thermal.compiled import newton

    site, demand, held = net1()
    want = solve(site, 1000.0, 1e-3, held, demand, 1.0, 1.0, 50.0)
    compiled = list(getattr(newton.settle, "signatures", ()))
    branches = len(site.start)
    fixed = np.broadcast_to(1000.0, branches)
    assert not fixed.flags.writeable
    for density in (
        1000, np.float64(1000.0), np.float32(1000.0), np.array(1000.0), fixed[0:1], fixed, [1000.0] * branches,
        np.full((branches, 2), 1000.0)[:, 0],
    ):  # fmt: skip
        state = solve(
            site, density, np.float64(1e-3), held.tolist(), demand, 1, np.ones(1), np.full(branches, 50)
        )
        for field in dataclasses.fields(state):
            one, other = getattr(want, field.name), getattr(state, field.name)
            np.testing.assert_array_equal(one, other)
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
    for many in np.full((branches, 3), 1000.0).T, np.broadcast_to(1000.0, (3, branches)), [[1000.0]] * 3:
        state = solve(site, many, 1e-3, held, demand, start=50.0)
        np.testing.assert_array_equal(state.mass_flow, np.tile(want.mass_flow, (3, 1)))
    assert list(getattr(newton.settle, "signatures", ())) == compiled


def test_parameters_by_scenario():
    bore = np.array([[0.04], [0.05], [0.06]])
    many = network([Pipe([0], [1], bore, 10.0, 45e-6)], fixed=[0, 1])
    state = solve(many, **WATER, pressure=[1e4, 0.0])
    for scenario in range(3):
        one = network([Pipe([0], [1], bore[scenario, 0], 10.0, 45e-6)], fixed=[0, 1])
        np.testing.assert_array_equal(
            state.mass_flow[scenario], solve(one, **WATER, pressure=[1e4, 0.0]).mass_flow
        )


def test_another_system_of_units_gives_the_same_state():
    metre, kilogram, second = 2.0, 3.0, 5.0
    pascal, flow = kilogram / metre / second**2, kilogram / second

    def solved(metre=1.0, pascal=1.0, flow=1.0, kilogram=1.0, second=1.0):
        volume = metre**3 / second
        site = network(
            [
                Pump([0], [1], (2e5 * pascal, -1e6 * pascal / volume, -2e8 * pascal / volume**2)),
                Pipe([1, 1], [2, 3], 0.05 * metre, 20.0 * metre, 45e-6 * metre, 2.0),
                Pipe([2], [3], 0.02 * metre, 20.0 * metre, 45e-6 * metre, friction=Friction.SWAMEE_JAIN),
                Valve([3], [4], 1e-3 * metre**2),
                Limiter([2], [4], 5e-4 * volume, 2e4 * pascal),
                Resistance([4], [5], 5e4 * pascal, 4.0 * flow, 1.85),
                Coupling([5], [0], 2e-3 * metre**2),
            ],
            fixed=[0],
            elevation=np.array([0.0, 1.0, 3.0, 2.0, 4.0, 1.0]) * metre,
            gravity=9.80665 * metre / second**2,
        )
        density = np.linspace(990.0, 1010.0, len(site.start)) * kilogram / metre**3
        return solve(site, density, 1e-3 * pascal * second, 1e5 * pascal, 0.1 * flow * np.arange(6), 0.7, 1.0)

    state = solved()
    scaled = solved(metre, pascal, flow, kilogram, second)
    assert state.converged
    # Rounding alone goes another way.
    np.testing.assert_allclose(scaled.mass_flow / flow, state.mass_flow, rtol=1e-9)
    np.testing.assert_allclose(scaled.pressure / pascal, state.pressure, rtol=1e-9)
    np.testing.assert_array_equal(scaled.mode, state.mode)


# ---- Bad input.


def test_every_problem_of_a_network_is_named_at_once():
    groups = [
        Pump(
            [0, 0, 0], [1, 1, 1], (np.array([1e5, -1.0, 1e5]), np.array([1e6, 0.0, 0.0]), [-1e8, -1e8, 0.0])
        ),
        Valve([1], [2], 1e-3, rangeability=1.0),
        Pipe([2, 2], [2, 9], [0.1, 0.0], 5.0),
    ]
    with pytest.raises(
        ValueError, match="branch 0: slope b of the head without flow must not rise"
    ) as raised:
        network(groups, fixed=[0], nodes=4)
    text = str(raised.value)
    for problem in (
        "branch 1: head without flow must be above 0, is -1",
        "branch 2: head does not fall with the flow",
        "branch 3: rangeability must be above 1, is 1",
        "branch 4: joins a node to itself",
        "branch 5: diameter must be above 0, is 0",
        "branch 5: ends at what is not a node",
    ):
        assert problem in text


@pytest.mark.parametrize(
    ("groups", "fixed", "problem"),
    [
        ([Pipe([0, 2], [1, 3], 0.1, 5.0)], [0], r"nodes \[2, 3\]"),
        ([Pipe([0], [1], 0.1, 5.0)], [], "no node has a fixed pressure"),
        ([Pipe([0], [1], 0.1, 5.0)], [0, 0], "twice the same"),
        ([], [0], "no branches"),
        ([Resistance([0], [1], 1e3, 1.0, 3.0)], [0], "exponent must be 1 to 2.5, is 3"),
        ([Valve([0], [1], 0.0)], [0], "flow area must be above 0"),
        ([Limiter([0], [1], 1e-3, 0.0)], [0], "drop must be above 0"),
        ([FixedFlow([0], [1], np.nan)], [0], "mass flow must be finite"),
    ],
)
def test_networks_that_cannot_be_are_refused(groups, fixed, problem):
    with pytest.raises(ValueError, match=problem):
        network(groups, fixed=fixed)


def test_findings_name_what_is_likely_wrong():
    loop = network([Pipe([0, 1], [1, 0], 0.1, 20.0)], fixed=[0])
    assert [found.fault for found in findings(loop, **WATER)] == [Fault.NO_SOURCE]
    assert findings(loop, **WATER, demand=[0.0, 1.0]) == ()
    assert [found.fault for found in findings(loop, **WATER, running=0.0)] == [Fault.ALL_CLOSED]
    pumped = network([Pump([0], [1], (1e5, 0.0, -1e7)), squares([1], [0], 100.0)], fixed=[0])
    assert findings(pumped, **WATER) == ()
    found = findings(pumped, **WATER, setting=[[1.0, 1.0], [0.0, 1.0]])
    assert [(one.fault, one.scenario) for one in found] == [(Fault.NO_SOURCE, 1)]
    # A valve of Kv 360 before 50 kPa of plates: its own drop is 36 Pa or so.
    idle = network([Resistance([0], [1], 5e4, 2.0), Valve([1], [2], flow_area_kv(360.0))], fixed=[0, 2])
    (one,) = findings(idle, **WATER, pressure=[5e4, 0.0])
    assert (one.fault, one.branch) == (Fault.NO_AUTHORITY, 1)
    assert "branch 1 has no authority" in one.text


def test_authority_is_the_share_of_the_drop():
    # Square laws in series: the share is that of the coefficients, whatever the pressure.
    area = np.array([1e-3, 5e-4])
    own = 1 / (998.2 * area**2)
    line = network([squares([0, 0], [1, 2], 2e3), Valve([1, 2], [3, 3], area)], fixed=[0, 3])
    share = authority(line, **WATER, pressure=[[1e5, 0.0], [3e4, 0.0]], setting=[1.0, 1.0, 0.3, 0.3])
    assert share.shape == (2, 2)
    np.testing.assert_allclose(share, np.broadcast_to(own / (own + 2e3), (2, 2)), rtol=TIGHT)


# ---- The compiled loop.

CASE = """
import numpy as np
from thermal.branch import *
from thermal.hydraulics import solve
from thermal.network import network
site = network([
    Pump([0], [1], (2e5, 0.0, -2e8)), Pipe([1, 1], [2, 3], 0.05, 20.0, 45e-6, 2.0),
    Pipe([2], [3], 0.02, 20.0, 45e-6, friction=Friction.SWAMEE_JAIN), HazenWilliamsPipe([3], [4], 0.03, 9.0, 120.0),
    Valve([3], [4], 1e-3), Limiter([2], [4], 5e-4, 2e4), Resistance([4], [5], 5e4, 4.0, 1.85, True),
    Coupling([5], [0], 2e-3), FixedFlow([5], [2], 0.1)], fixed=[0], nodes=6)
setting = np.ones((6, len(site.start)))
setting[:, 0] = 1.0, 0.8, 0.0, 1.0, 1.0, 1.0
setting[3:, 5] = 0.5, 0.0, -1.0
demand = np.zeros((6, 6))
demand[4, 5] = 30.0
states = [solve(site, 1000.0, 1e-3, 1e5, demand, setting), solve(site, 1000.0, 1e-3, start=0.1, demand=demand[:1])]
numbers = [float(number) for state in states for name in ("mass_flow", "pressure", "mode", "reason")
           for number in np.ravel(getattr(state, name))]
"""


def test_without_compilation_the_result_is_the_same():
    here = {}
    exec(CASE, here)
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "error", "-c", CASE + "print(*(number.hex() for number in numbers))"]
    there = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout.split()
    # The compiler may join a product and a sum into one rounding on some machines.
    np.testing.assert_allclose(
        [float.fromhex(number) for number in there], here["numbers"], rtol=1e-9, atol=1e-9
    )


def test_numba_is_imported_only_when_a_network_is_solved():
    code = "import sys, thermal.hydraulics; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
