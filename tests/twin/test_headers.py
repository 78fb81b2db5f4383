"""Coolant along mains and headers against the sum of its pressure drops by hand, and against the equilibrium."""

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from thermal import pipe
from thermal.fluid import PG25
from twin import cli
from twin.study.headers import headers

THIN = {"loop.row.product": "hose-2in"}


@pytest.fixture(scope="module")
def pod():
    facility = twin.load()
    state = twin.solve(facility)
    return facility, state, headers(facility, state=state)


def test_the_head_is_that_of_the_equilibrium(pod):
    """Which takes the header's drop by the mean of its falling flow to the power 1.75."""
    _, state, found = pod
    head = found["head"].sel(arrangement="direct").values
    np.testing.assert_allclose(head, state.loop_head.values[0], rtol=2e-3)


def test_what_balances_is_the_difference_of_the_ways_by_hand(pod):
    """Between the first and the last rack of a row lie seven steps there and back, each with what is still in it."""
    facility, state, found = pod
    asked = found.asked.values[:8]
    temperature = float(state.supply_temperature.values[0, 0])
    density, viscosity = float(PG25.density(temperature)), float(PG25.viscosity(temperature))
    row = facility.cooling.row_pipe
    step = row["length"][0] / 2.0 / 8
    # The CDUs stand at the row's end: its last rack is the first on the header.
    behind = np.cumsum(asked)[:7]
    drops = pipe.pressure_drop(behind, row["diameter"][0], step, row["roughness"][0], 0.0, density, viscosity)
    expected = 2.0 * float(np.sum(drops))
    balance = found.balance.sel(arrangement="direct").values
    assert balance[0] == 0.0
    assert balance[7] == pytest.approx(expected, rel=1e-6)


def test_the_pressure_along_the_way_of_a_rack_by_hand(pod):
    """Of the last rack on the header: Darcy-Weisbach there and back, the rest as the catalogue has it at its flow."""
    facility, state, found = pod
    at = found.pressure.sel(arrangement="direct", rack="row1.01")
    asked = found.asked.values[:8]
    temperature = float(state.supply_temperature.values[0, 0])
    water = float(PG25.density(temperature)), float(PG25.viscosity(temperature))
    row, pipes = facility.cooling.row_pipe, facility.cooling.pipe
    size = row["diameter"][0], row["length"][0] / 16.0, row["roughness"][0]
    header = sum(float(pipe.pressure_drop(flow, *size, 0.0, *water)) for flow in np.cumsum(asked))
    main, hose = (
        float(
            pipe.pressure_drop(
                flow,
                pipes[f"{part}_diameter"][0],
                pipes[f"{part}_length"][0],
                pipes[f"{part}_roughness"][0],
                0.0,
                *water,
            )
        )
        for part, flow in (("main", found.asked.values.sum()), ("branch", asked[0]))
    )
    made = facility.racks.types[0].product
    turns = (asked[0] / made["liquidReferenceFlow"]) ** 1.8
    plates = (made["liquidPressureDrop"] + made["couplingPressureDrop"]) * turns
    each = float(state.loop_flow.values[0, 0]) / 4.0
    inside = 149e3 * (each * float(PG25.density(305.15)) / 20.6) ** 1.8
    expected = [main / 2, header, hose, plates, made["valvePressureDrop"] * turns, header, main / 2, inside]
    np.testing.assert_allclose(-np.diff(at.values), expected, rtol=1e-6)
    assert at.values[0] - at.values[-2] == pytest.approx(found["head"].values[0, 0], rel=1e-12)
    assert at.values[-1] == found.lowest_pressure.values[0, 0]


def test_sizes_and_velocities_stand_against_their_limits(pod):
    found = pod[2]
    assert found.pipe_kind.values.tolist() == ["main", "header", "header", "hose"]
    assert found.pipe_limit.values.tolist() == [2.7, 2.7, 2.7, 1.5]
    np.testing.assert_allclose(found.pipe_diameter, [0.1603, 0.1325, 0.1325, 0.0508], rtol=1e-12)
    # A row of eight racks 0.6 m apart, a hose of 3 m; area by hand.
    assert found.pipe_length.values[1:].tolist() == pytest.approx([4.8, 4.8, 3.0])
    hose = float(found.asked.max()) / (np.pi / 4.0 * 0.0508**2)
    assert found.pipe_velocity.values[-1] == pytest.approx(hose, rel=1e-12)
    assert found.worst_branch.sel(arrangement="direct").item() == 0


def test_open_valves_give_all_that_is_asked_for_and_the_nearest_the_most(pod):
    _, _, found = pod
    for way in ("direct", "reverse"):
        np.testing.assert_allclose(found.flow.sel(arrangement=way).sum(), found.asked.sum(), rtol=1e-9)
    direct = found.flow.sel(arrangement="direct").values[:8]
    assert (np.diff(direct) > 0).all()
    # Reverse return: the middle of the row gets least, both ends the same.
    reverse = found.flow.sel(arrangement="reverse").values[:8]
    np.testing.assert_allclose(reverse, reverse[::-1], rtol=1e-9)
    assert reverse.argmin() in (3, 4)


def test_a_thin_header_spreads_wide_with_direct_return():
    found = headers(twin.load(None, THIN))
    spread = found.spread.values[:, 0]
    assert spread[0] > 0.05
    assert spread[1] < spread[0] / 2
    # The valve that balances it, as Kv at 1 bar: Q (rho / 1000 / dp)^1/2.
    rack = int(found.balance.sel(arrangement="direct").values.argmax())
    flow, balance = found.asked.values[rack] * 3600, found.balance.values[0, rack] / 1e5
    assert found.balance_kv.values[0, rack] == pytest.approx(flow * np.sqrt(1.0072 / balance), rel=1e-3)


def test_a_hall_without_a_loop_and_one_without_a_solution_are_told():
    with pytest.raises(ValueError, match="no loop"):
        headers(twin.load("h100-air"))
    with pytest.raises(ValueError, match="no solution"):
        headers(twin.load(), twin.Operation(utility_cap=0.3e6))


def test_the_command_writes_a_table_and_a_plot(tmp_path):
    from typer.testing import CliRunner

    from twin.cli import app

    told = CliRunner().invoke(app, ["flows", "--out", str(tmp_path)])
    assert told.exit_code == 0
    assert "reverse return" in told.output
    assert "worst branch row1.01" in told.output
    assert "facility water, direct return" in told.output
    lines = {
        file.name: len(file.read_text().splitlines()) for file in tmp_path.iterdir() if file.suffix == ".csv"
    }
    # A head, then 16 racks, 4 CDUs, all stations of both arrangements, and the pipes of both networks.
    assert lines == {
        "flows.csv": 17, "water.csv": 5, "pressures.csv": 1 + 2 * (16 * 9 + 4 * 11), "pipes.csv": 1 + 4 + 4,
    }  # fmt: skip
    assert (tmp_path / "plot.html").read_text().count("plotly-graph-div") == 5
    dry = CliRunner().invoke(app, ["flows", "h100-air", "--out", str(tmp_path)])
    assert dry.exit_code == 3
    assert "no loop" in dry.output


def test_nothing_flows_without_power(tmp_path):
    done = CliRunner().invoke(cli.app, ["flows", "--without", "utility", "--out", str(tmp_path / "flows")])
    assert done.exit_code == 3
    assert "nothing flows" in done.output
    assert not (tmp_path / "flows").exists()
