"""The hall's air in the solve: influence of racks on inlets, and the field and the state with what the other says."""

import io
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

import twin
from twin.facility import BINDINGS, Recirculation
from twin.report.terminal import show
from twin.study import air_coupling as coupling
from twin.study import air_field as fields
from twin.study.air_coupling import air_coupling, told
from twin.study.air_influence import fitted, influence
from twin.study.hall_air import LONGEST, HallAir
from twin.study.hall_grid import voxels
from twin.summary import doubt, outside, summary, terms
from twin.verdict import findings, table


def known(facility, share, returned=0.0, uncertainty=0.1):
    """With the influence of a field that has the flows of the layout's own state."""
    plain, half = twin.solve(facility), np.full(len(share), uncertainty)
    flow, rise = plain.air_face_flow.values[0], plain.air_face_rise.values[0]
    flows = float(plain.air_flow[0, 0]), flow, (*walls(facility),), rise
    return replace(facility, recirculation=(Recirculation(share, returned, half, *flows),))


def walls(facility):
    return [n for n, name in enumerate(facility.devices.name) if name.startswith("fanwall.")]


@pytest.fixture(scope="module")
def hopper():
    return twin.load("h100-air")


def test_inlets_are_the_supply_and_what_each_rack_brings_back(hopper):
    """Shares by chance, no two alike: by hand from the rises that the state tells."""
    racks = len(hopper.racks.name)
    share = np.random.default_rng(3).uniform(0.0, 0.02, (racks, racks))
    state = twin.solve(known(hopper, share))
    inlet, rise = state.air_inlet_temperature.values[0], state.air_face_rise.values[0]
    np.testing.assert_allclose(inlet, 297.15 + share @ rise, atol=2e-6)
    # What air takes up over the faces is all heat of the hall but that of the fans.
    front = np.average(inlet, weights=state.air_face_flow.values[0])
    rate = 101325.0 / (287.053 * front) * 1006.0 * state.air_face_flow.values[0]
    heat = float(state.fan_wall_duty[0, 0] - state.fan_wall_power[0, 0])
    assert float(rate @ rise) == pytest.approx(heat, rel=1e-9)
    assert abs(float(state.ledger_heat[0])) < 1e-9


def test_no_share_is_the_well_mixed_aisle_without_leakage(hopper):
    racks = len(hopper.racks.name)
    plain, same = twin.solve(hopper), twin.solve(known(hopper, np.zeros((racks, racks))))
    for name in ("power", "air_inlet_temperature", "utility_power"):
        np.testing.assert_allclose(same[name].values, plain[name].values, rtol=1e-12)


def test_only_the_rack_that_breathes_too_warm_air_is_held_by_it(hopper):
    """15 K over its limit, which is one at full power, by the heat of its neighbour."""
    racks = len(hopper.racks.name)
    plain = twin.solve(hopper)
    rise, limit = plain.air_face_rise.values[0], hopper.racks.air_inlet_limit[5]
    share = np.zeros((racks, racks))
    share[5, 6] = (limit + 15.0 - 297.15) / rise[6]
    state = twin.solve(known(hopper, share))
    held = np.flatnonzero(state.binding.values[0] == BINDINGS.index("inlet_air"))
    assert held.tolist() == [5]
    assert float(state.power[0, 5]) < float(plain.power[0, 5])
    np.testing.assert_allclose(np.delete(state.power.values[0], 5), np.delete(plain.power.values[0], 5))
    assert float(state.tokens[0, 5]) < float(plain.tokens[0, 5])


@pytest.mark.parametrize(
    ("left", "sure", "undecided"),
    [
        (0.4, 0.3, False),
        (0.4, 0.5, True),
        (-0.4, 0.5, True),
        (-0.4, 0.3, False),
        (0.4, np.inf, True),
        (3.0, 0.5, False),
    ],
)
def test_a_margin_smaller_than_the_uncertainty_is_undecided(hopper, left, sure, undecided):
    """The inlet of rack 5 alone is raised, to so much below its limit; the recommended 27 degC are far."""
    racks, limit = len(hopper.racks.name), hopper.racks.air_inlet_limit[5]
    share = np.zeros((racks, racks))
    share[5, 6] = (limit - left - 297.15) / twin.solve(hopper).air_face_rise.values[0, 6]
    facility = known(hopper, share, uncertainty=sure)
    state = twin.solve(facility)
    listed = findings(facility, state)
    one = next(finding for finding in listed if finding.code == "A1-inlet")
    # By a tenth of a per cent the air that the mean inlet warms is thinner, and rises more.
    assert one.margin == pytest.approx(left, abs=0.02)
    # By the same tenth of a per cent the inlet moved.
    assert one.uncertainty == pytest.approx(sure, abs=0.02)
    assert one.element == hopper.racks.name[5]
    assert one.undecided is undecided
    assert outside(one) is (left < 0.0 and not undecided)
    shown = summary(facility, state, listed)
    assert ("A1-inlet" in doubt(shown)) is undecided
    assert ("undecided" in terms(one)[2]) is undecided
    assert {finding.code for finding in listed if finding.uncertainty} <= {"A1-inlet", "A2-recommended"}
    line = next(line for line in table(listed).splitlines() if line.startswith("A1-inlet"))
    assert line.endswith(f"{one.uncertainty:.6g},{undecided}")
    told = Console(file=io.StringIO(), width=160)
    show(told, shown, {"state": "state.nc"})
    assert ("A1-inlet undecided" in " ".join(told.file.getvalue().split())) is undecided


def test_the_worst_finding_is_one_that_is_surely_outside_if_any_is(hopper):
    """Rack 5 may be furthest outside, but only of rack 9 it is sure; without rack 9 none is, and 5 is told."""
    racks, limit = len(hopper.racks.name), hopper.racks.air_inlet_limit
    state = twin.solve(known(hopper, np.zeros((racks, racks))))
    inlet, half = state.air_inlet_temperature.copy(), state.air_inlet_uncertainty.copy()
    inlet[0, 5], inlet[0, 9] = limit[5] + 0.6, limit[9] + 0.5
    half[0, 5] = 0.8
    for at, element in ((limit[9] + 0.5, 9), (limit[9] + 0.05, 5)):
        inlet[0, 9] = at
        told = findings(hopper, state.assign(air_inlet_temperature=inlet, air_inlet_uncertainty=half))
        one = next(finding for finding in told if finding.code == "A1-inlet")
        assert one.element == hopper.racks.name[element]
        assert one.undecided is (element == 5)
    # One at its limit but for rounding is not outside, however sure it is.
    inlet[0, 9], half[0, 9] = limit[9] + 1e-9, 0.0
    told = findings(hopper, state.assign(air_inlet_temperature=inlet, air_inlet_uncertainty=half))
    assert next(one for one in told if one.code == "A1-inlet").element == hopper.racks.name[5]


def test_where_the_air_flows_otherwise_than_in_the_field_its_uncertainty_is_not_known(hopper):
    """A wall less, other walls at the same flow, and fans that blow 2 % less than the racks draw; other powers leave
    the flow, and each scenario is judged by its own."""
    racks = len(hopper.racks.name)
    facility = known(hopper, np.zeros((racks, racks)), uncertainty=0.2)

    def sure(operation):
        return twin.solve(facility, operation).air_inlet_uncertainty.values

    np.testing.assert_array_equal(sure(twin.Operation(rack_power=[30e3, 20e3])), 0.2)
    lost = sure(twin.Operation(out=[[], ["fanwall.1"], ["ups.A"], ["fanwall.2"]]))
    np.testing.assert_array_equal(lost.min(axis=1), lost.max(axis=1))
    assert lost[:, 0].tolist() == [0.2, np.inf, 0.2, np.inf]
    assert np.isinf(sure(twin.Operation(failed_fans=0.7))).all()
    one = facility.recirculation[0]
    assert one.holds(np.array([one.supply * 1.019, one.supply * 1.021]), one.flow).tolist() == [True, False]
    one = replace(one, flow=np.where(np.arange(racks) == 5, 2.0, 1.0) * one.flow)
    turned = np.stack([one.flow, one.flow])
    turned[0, 3] += 0.019 * one.flow.mean()
    turned[1, 3] += 0.021 * one.flow.mean()
    assert one.holds(np.array(one.supply), turned).tolist() == [True, False]
    listed = findings(facility, twin.solve(facility, twin.Operation(out=[["fanwall.1"]])))
    assert next(one for one in listed if one.code == "A1-inlet").undecided


def test_the_uncertainty_widens_by_what_an_inlet_moved_with_the_heat(hopper):
    share = np.zeros((len(hopper.racks.name),) * 2)
    share[5, 6] = 0.1
    facility = known(hopper, share, uncertainty=0.2)
    state = twin.solve(facility, twin.Operation(rack_power=[15e3, 35e3]))
    moved = 0.1 * np.abs(state.air_face_rise.values[:, 6] - facility.recirculation[0].rise[6])
    assert (moved > 0.1).all()
    wide = state.air_inlet_uncertainty.values
    np.testing.assert_allclose(wide[:, 5], 0.2 + moved)
    np.testing.assert_array_equal(np.delete(wide, 5, axis=1), 0.2)


def test_what_comes_back_beyond_the_field_is_mixed_evenly(hopper):
    """Fans fail after the field was found: all inlets rise by what the well-mixed aisle says."""
    racks = len(hopper.racks.name)
    less = twin.Operation(failed_fans=0.7)
    mixed, state = (twin.solve(one, less) for one in (hopper, known(hopper, np.zeros((racks, racks)))))
    assert float(mixed.air_inlet_temperature.max()) > 298.0
    np.testing.assert_allclose(
        state.air_inlet_temperature.values, mixed.air_inlet_temperature.values, atol=1e-6
    )


def test_a_scenario_is_the_same_alone_and_in_a_batch(hopper):
    racks = len(hopper.racks.name)
    share = np.random.default_rng(5).uniform(0.0, 0.05, (racks, racks))
    caps = np.random.default_rng(6).uniform(10e3, 60e3, (7, racks))
    every = twin.solve(known(hopper, share), twin.Operation(power_cap=caps))
    alone = twin.solve(known(hopper, share), twin.Operation(power_cap=caps[4:5]))
    for name in ("power", "air_inlet_temperature", "utility_power"):
        assert np.array_equal(every[name].values[4:5], alone[name].values)


@pytest.fixture(scope="module")
def leaky():
    """A tenth of the air comes back, mostly to the racks at the far end of the rows."""
    facility = twin.load("h100-air", {"air.leakage": "0.1"})
    return air_coupling(facility)


def test_field_and_state_agree(leaky):
    found = leaky
    assert found.settled
    state, field = twin.solve(found.facility), found.field[0]
    inlet, half = field.air_inlet_temperature.values, field.air_inlet_uncertainty.values
    assert (np.abs(state.air_inlet_temperature.values[0] - inlet) <= 0.02 + 0.1 * half).all()
    np.testing.assert_allclose(state.air_face_flow.values[0], field.air_flow.values, rtol=coupling.MOVED)
    known = found.facility.recirculation[0]
    risen = field.air_outlet_temperature.values - inlet
    np.testing.assert_allclose(known.rise, risen, rtol=1e-9)
    # Known at its own flow and heat, which the last round left to a tenth.
    wide = state.air_inlet_uncertainty.values[0]
    assert ((wide >= half) & (wide <= half + 0.1 * (inlet - 297.15))).all()
    assert float(np.ptp(inlet)) > 1.0
    assert abs(float(state.ledger_heat[0])) < 1e-9
    assert "in three dimensions on the coarse grid" in told(found)[0]


def test_shares_are_none_below_nothing_and_bring_back_what_leaks(leaky):
    """Every tenth of the air that leaks is hot aisle's: the mean inlet over the supply is of the well-mixed size."""
    share = leaky.field[0].influence.values
    assert share.min() > -1e-12
    # A rack hears most of those of its own row's end, and itself the more the further out it stands.
    assert share[7].sum() > 5.0 * share[0].sum()


def test_influence_foretells_the_air_of_other_heat_in_the_same_flow():
    """One rack with twice its heat, without buoyancy, so that the flow is the same: two transients against a product.

    The product knows the mean flow alone, and the other transient nothing of it: 5 % of the loudest at the rack that
    hears most, a tenth of it at every other.
    """
    facility = twin.load("h100-air", {"air.leakage": "0.1"})
    made = voxels(facility, twin.solve(facility))
    source, flush = 6, made.volume / made.supply
    hotter = made.rise.copy()
    hotter[source] *= 2.0
    runs = [HallAir(made), HallAir(replace(made, rise=hotter))]
    for run in runs:
        run.law = replace(run.law, expansion=0.0)
        for until in (5.0 * flush, 9.0 * flush):
            run.sum_anew()
            while run.time < until:
                run.advance(LONGEST)
    plain, other = (run.now.inlet / run.now.span - run.cold for run in runs)
    first = runs[0]
    velocity = tuple(first.room.of_faces(n, first.now.sums[2 + n] / first.now.span) for n in range(3))
    share = fitted(influence(made, velocity), made.rise, plain)
    foretold, change = share[:, source] * made.rise[source], other - plain
    loudest = int(change.argmax())
    assert change[loudest] > 0.3
    assert foretold[loudest] == pytest.approx(change[loudest], rel=0.05)
    np.testing.assert_allclose(foretold, change, atol=0.1 * change[loudest])


def test_run_writes_state_and_field(tmp_path, monkeypatch):
    """By the command, with next to no averaging: what matters is that both are there and the report tells of it."""
    from typer.testing import CliRunner

    from twin.cli import app

    monkeypatch.setattr(fields, "WARM", 0.2)
    monkeypatch.setattr(fields, "LEAST_BATCHES", 1)
    monkeypatch.setattr(fields, "BATCH", 1.0)
    asked = ["run", "h100-air", "--set", "air.leakage=0.1", "--air", "field", "--out", str(tmp_path)]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "in three dimensions on the coarse grid" in shown.output
    assert {"air.nc", "state.nc", "report.html"} <= {one.name for one in tmp_path.iterdir()}
    assert "in three dimensions" in (tmp_path / "report.html").read_text("utf-8")


def test_a_model_of_the_air_that_there_is_not_is_refused(tmp_path):
    from typer.testing import CliRunner

    from twin.cli import app

    shown = CliRunner().invoke(
        app, ["run", "--air", "fild", "--grid", "finer", "--out", str(tmp_path / "out")]
    )
    assert shown.exit_code == 2
    assert "no model of the air 'fild' (there are: mixed, field)" in shown.output
    assert "no grid 'finer'" in shown.output
    assert not (tmp_path / "out").exists()


def test_an_interrupt_begins_no_other_hall(monkeypatch):
    """Six halls, and Ctrl-C in the first: one field, five cold sides that stay mixed, and both are said."""
    begun = []

    def stopped(facility, state, block, *_, **__):
        begun.append(block)
        racks = int((facility.racks.block == block).sum())
        return xr.Dataset(
            {
                "influence": (("rack", "source"), np.zeros((racks, racks))),
                "air_inlet_temperature": ("rack", np.full(racks, 297.15)),
                "air_inlet_uncertainty": ("rack", np.full(racks, np.inf)),
                "interrupted": True,
                "settled": False,
            },
            attrs={"grid": "coarse", "remarks": ""},
        )

    monkeypatch.setattr(coupling, "air_field", stopped)
    found = air_coupling(twin.load("gb300-hall", {"air.leakage": "0.05"}))
    assert begun == [0]
    assert [one is None for one in found.field] == [False, *[True] * 5]
    assert [one is None for one in found.facility.recirculation] == [False, *[True] * 5]
    assert not found.settled
    assert "the cold sides of 5 halls are taken as well mixed" in " ".join(told(found))
    inlet = twin.solve(found.facility).air_inlet_temperature.values[0].reshape(6, 16)
    # The one whose field says that nothing comes back, and five whose leak is mixed evenly.
    np.testing.assert_allclose(inlet[0], 297.15)
    assert (inlet[1:] > 297.9).all()
