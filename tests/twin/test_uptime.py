"""Expected tokens over the outages of a facility, by hand on the reference pod."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import binom
from typer.testing import CliRunner

import twin
from twin import cli
from twin.availability import TRAY_FAULTS, effective, expected, number_up, tray_availability
from twin.errors import InputError
from twin.facility import Recirculation
from twin.operation import resolve
from twin.study.uptime import (
    START_FAILURE,
    UTILITY_RATE,
    UTILITY_REPAIR,
    alike,
    alike_racks,
    device_availability,
    rack_availability,
    uptime,
)

BARE = {"loop.cdus.count": "2", "loop.cdus.required": "2"}
RACK = 1 / (1 + 0.1 * 24 / 8766)
"""Availability of a GB300 rack as a whole: one stop in ten years, a day to repair."""
TRAY = 1 / (1 + 4 * TRAY_FAULTS * 24 * 3600)
"""Of one of its trays, of four GPUs; NODE of an HGX node, of eight."""
NODE = 1 / (1 + 8 * TRAY_FAULTS * 24 * 3600)
TRAINING = {
    "workload.kind": "training", "workload.model": "llama-3.1-405b", "site.dry_bulb": "20 degC",
    "workload.training.checkpoint_pause": "60 s", "workload.training.restart_time": "10 min",
}  # fmt: skip


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def found(pod):
    return uptime(pod)


def cause(found, kind):
    (one,) = [one for one in found.causes if one.kind == kind]
    return one


def place(facility, name):
    return facility.devices.name.index(name)


def test_figures_of_the_catalogue_become_availabilities(pod):
    up = device_availability(pod)
    # 0.0036 a year and 153 h: 0.0036 * 153 / 8766 of the time in service away.
    assert up[place(pod, "T.A")] == pytest.approx(1 / (1 + 0.0036 * 153 / 8766), rel=1e-12)
    assert up[place(pod, "ups.A")] == pytest.approx(1 / (1 + 0.05 * 12 / 8766), rel=1e-12)
    assert up[place(pod, "rpp.D2")] == pytest.approx(1 / (1 + 0.00949 * 7.29 / 8766), rel=1e-12)
    assert np.isnan(up[[name.startswith("whip.") for name in pod.devices.name]]).all()


def test_the_utility_is_out_where_two_of_three_generators_do_not_come(pod):
    # Two of three are required: two or three fail, of which each is away or does not start.
    fails = 1 - (1 - START_FAILURE) / (1 + 0.1235 * 18.28 / 8766)
    gone = 3 * fails**2 * (1 - fails) + fails**3
    out = 1 - 1 / (1 + UTILITY_RATE * UTILITY_REPAIR)
    assert 1 - device_availability(pod)[place(pod, "utility")] == pytest.approx(out * gone, rel=1e-6)


def test_without_generators_the_utility_takes_everything_with_it(tmp_path):
    text = (twin.layout.files("twin") / "layouts" / "gb300-su.yaml").read_text()
    file = tmp_path / "bare.yaml"
    file.write_text("".join(line for line in text.splitlines(True) if not line.startswith("standby:")))
    bare = twin.load(str(file))
    out = 1 - 1 / (1 + 1.956 * (79 / 60) / 8766)
    assert 1 - device_availability(bare)[place(bare, "utility")] == pytest.approx(out, rel=1e-9)
    grid = cause(uptime(bare), "utility")
    assert grid.worst == pytest.approx(uptime(bare).planned)
    assert grid.lost == pytest.approx(
        out * grid.worst, rel=0.01
    )  # but for the time when something else is out


def test_probabilities_make_one_and_losses_the_difference(found):
    assert found.sound + found.single + found.several == pytest.approx(1.0, abs=1e-12)
    alone = [one.probability for one in found.causes if one.kind not in ("rack", "tray")]
    assert sum(alone) == pytest.approx(found.single)
    lost = sum(one.lost for one in found.causes) + found.lost_several
    assert found.planned - found.expected == pytest.approx(lost, rel=1e-9)
    assert found.share(lost) == pytest.approx(1.0, rel=1e-9)
    assert found.expected < found.most < found.planned
    assert [one.lost for one in found.causes] == sorted((one.lost for one in found.causes), reverse=True)
    assert found.uptime == pytest.approx(found.expected / found.planned)
    assert found.expected < found.added < found.most
    assert found.uncounted == {"whip": 64}
    assert found.unsolved == ()


def test_one_ups_of_four_make_three_costs_nothing(pod, found):
    assert found.planned == pytest.approx(float(twin.solve(pod).tokens_per_second[0]))
    assert cause(found, "ups").devices == 4
    assert cause(found, "ups").lost == 0.0
    assert cause(found, "ups").worst == 0.0


def test_a_cdu_costs_what_the_solve_says():
    bare = twin.load("gb300-su", BARE)
    whole = float(twin.solve(bare).tokens_per_second[0])
    outs = [[f"cdu.{unit}"] for unit in (1, 2)]
    lost = whole - twin.solve(bare, twin.Operation(out=outs)).tokens_per_second.values
    assert (lost > 0.001 * whole).all()
    found = uptime(bare)
    up = device_availability(bare)
    sound = np.prod(up[np.isfinite(up)])
    chance = sound * 0.1 * 8 / 8766
    assert cause(found, "cdu").probability == pytest.approx(2 * chance, rel=1e-9)
    assert cause(found, "cdu").lost == pytest.approx(chance * lost.sum(), rel=1e-6)
    assert cause(found, "cdu").worst == pytest.approx(lost.max(), rel=1e-9)


def test_every_pair_solved_stays_within_the_bounds():
    # All pairs besides the single outages; with them all but states of three and more are known.
    bare = twin.load("gb300-su", BARE)
    found, up = uptime(bare), device_availability(bare)
    counted = np.flatnonzero(np.isfinite(up))
    odds = (1 - up[counted]) / up[counted]
    pairs = list(combinations(range(len(counted)), 2))
    out = np.array([[counted[a], counted[b]] for a, b in pairs])
    tokens = twin.solve(bare, twin.Operation(out=out)).tokens_per_second.values
    chance = np.array([found.sound * odds[a] * odds[b] for a, b in pairs])
    beyond = found.several - chance.sum()
    assert 0 < beyond < found.sound * (np.exp(odds.sum()) - 1 - odds.sum() - odds.sum() ** 2 / 2)
    two = found.expected + TRAY * RACK * (chance * np.nan_to_num(tokens)).sum()
    assert found.expected < two < found.most
    # Devices that stand in for each other lose more together than alone: adding their losses is too kind.
    assert two <= found.added <= found.most


SITE = """
shared:
  voltage: 415 V
  devices:
    - {name: T.P1, product: transformer-2500, feed: utility}
    - {name: T.P2, product: transformer-2500, feed: utility}
    - {name: ups.P, product: ups-1250, feed: T.P1}
  plant:
    fluid: water
    dry_coolers: {product: dry-cooler-2mw, count: 4, required: 4, feeds: [T.P1, T.P2]}
    trim_chillers: {product: trim-chiller-1000, count: 2, required: 2, feeds: [T.P1]}
    pumps: {product: facility-pump-100ls, count: 3, required: 2, feeds: [T.P1, T.P2]}
blocks:
  - {name: SU, use: gb300-su, repeat: 3, pitch: [0 m, 12 m, 0 m]}
  - {name: ONE, use: gb300-su, origin: [40 m, 0 m, 0 m], replace: {ups.A: ups.P}}
"""
PRESSED = {
    "utility.rating": "12 MW", "utility.cap": "7.5 MW", "workload.rack_power": "142 kW",
    "loop.cdus.count": "2", "loop.cdus.required": "2", "SU002.rows[row1].power_cap": "100 kW",
}  # fmt: skip
"""Most outages move the tokens, and one of the three copies is not as the others."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    text = (twin.layout.files("twin") / "layouts" / "gb300-su.yaml").read_text()
    file = tmp_path_factory.mktemp("site") / "site.yaml"
    file.write_text(text[: text.index("\nhall:")] + SITE)
    return lambda **more: twin.load(str(file), PRESSED | more)


def first(facility, name, operation=None):
    """Name of the device that is solved for the one of that name."""
    known = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    return facility.devices.name[alike(facility, known)[place(facility, name)]]


def test_an_outage_costs_what_that_of_its_class_does(site):
    """Every device out by itself, solved, against the one that stands for it."""
    found = site()
    counted = np.flatnonzero(np.isfinite(device_availability(found)))
    asked = np.concatenate([[-1], counted])[:, None]
    state = twin.solve(found, twin.Operation(out=asked))
    assert bool(state.converged.all())
    tokens = dict(zip(asked[:, 0].tolist(), state.tokens_per_second.values.tolist(), strict=True))
    known = resolve(None, found.operation, found.devices.name, found.elements)
    stands = alike(found, known)
    assert len(np.unique(stands[counted])) < 0.7 * len(counted)
    moved = [abs(tokens[one] / tokens[-1] - 1.0) for one in counted.tolist()]
    assert sum(one > 1e-6 for one in moved) > 0.8 * len(moved)
    for one in counted.tolist():
        assert tokens[one] == pytest.approx(tokens[int(stands[one])], rel=1e-10)


def whips(facility, rack):
    """Names of the whips of a rack, by its place."""
    chain = facility.chain
    mine = (chain.feed_load == rack) & (chain.feed_device >= 0)
    return [facility.devices.name[one] for one in chain.feed_device[mine]]


def test_a_rack_costs_what_that_of_its_class_does(site):
    """Every rack of the site without its feeds, solved, against the one that stands for it."""
    found = site()
    outs = [[], *(whips(found, rack) for rack in range(64))]
    state = twin.solve(found, twin.Operation(out=outs))
    tokens, own = state.tokens_per_second.values, state.tokens.values[0]
    assert (state.tokens.values[1:][np.eye(64, dtype=bool)] == 0.0).all()
    stands = alike_racks(found, resolve(None, found.operation, found.devices.name, found.elements))
    # Two rows of the two equal copies, of the capped one, and of the unit with another UPS.
    assert len(np.unique(stands)) == 6
    assert tokens[1:] == pytest.approx(tokens[1:][stands], rel=1e-10)
    # The cap of the site is so tight that what a rack draws just to run is worth more to the others.
    assert (np.abs(tokens[1:] / tokens[0] - 1) > 1e-3).all()
    assert (tokens[0] - tokens[1:] < 0.5 * own).all()


def test_what_tells_racks_apart(pod):
    def first(facility, operation=None):
        known = resolve(operation, facility.operation, facility.devices.name, facility.elements)
        return alike_racks(facility, known).tolist()

    assert first(pod) == [0] * 8 + [8] * 8
    caps = np.full((1, 16), np.inf)
    caps[0, 3] = 100e3
    assert first(pod, twin.Operation(power_cap=caps)) == [0] * 3 + [3] + [0] * 4 + [8] * 8
    assert first(twin.load("gb300-su", {"rows[row1].phases": "rotating"}))[:8] == [0, 1, 2, 0, 1, 2, 0, 1]
    air = Recirculation(np.zeros((16, 16)), 0.0, np.zeros(16), 1.0, np.ones(16), (), np.ones(16))
    assert first(replace(pod, recirculation=(air,))) == list(range(16))
    assert first(replace(pod, policy="priority")) == list(range(16))


def test_racks_by_rate_and_repair_where_nothing_is_shared(pod, found):
    assert rack_availability(pod) == pytest.approx(np.full(16, RACK), rel=1e-12)
    one = cause(found, "rack")
    assert (one.devices, one.worst_device) == (16, "row1.01")
    assert one.probability == pytest.approx(1 - RACK**16, rel=1e-9)
    assert one.worst == pytest.approx(found.planned / 16, rel=1e-9)
    # Of the tokens that the trays leave, while the utility is there and two devices are not away.
    there = found.sound + found.single - cause(found, "utility").probability
    assert one.lost == pytest.approx((1 - RACK) * TRAY * found.planned * there, rel=1e-9)


def test_racks_under_a_cap_against_every_pair(monkeypatch):
    """Racks alone fail, and often; with none, one and two of them out every state is solved."""
    up, racks = 0.998, 16
    monkeypatch.setattr(
        "twin.study.uptime.device_availability", lambda it: np.full(len(it.devices.name), np.nan)
    )
    monkeypatch.setattr("twin.study.uptime.rack_availability", lambda it: np.full(racks, up))
    capped = twin.load("gb300-su", {"utility.cap": "2 MW", "availability.tray_repair": "0 h"})
    told = uptime(capped)
    sets = [(), *((one,) for one in range(racks)), *combinations(range(racks), 2)]
    outs = [[name for rack in out for name in whips(capped, rack)] for out in sets]
    tokens = twin.solve(capped, twin.Operation(out=outs)).tokens_per_second.values
    order = np.array([len(out) for out in sets])
    whole, lost = tokens[0], tokens[0] - tokens[order == 1]
    assert (lost > 0.7 * whole / racks).all()
    assert (lost < 0.81 * whole / racks).all()
    truth = (tokens * up ** (racks - order) * (1 - up) ** order).sum()
    beyond = 1 - sum(comb(racks, n) * up ** (racks - n) * (1 - up) ** n for n in range(3))
    assert beyond < 1e-5
    # By hand: one alone takes what its solve says, the rest of the time that it is out its own tokens.
    alone = up ** (racks - 1) * (1 - up)
    own = whole / racks
    assert told.expected == pytest.approx(
        whole - alone * lost.sum() - racks * (1 - up - alone) * own, rel=1e-9
    )
    assert told.most == told.added == pytest.approx(whole - (1 - up) * lost.sum(), rel=1e-9)
    assert told.expected < truth + beyond * whole * (1 - 3.5 / racks)
    assert truth < told.most < told.planned
    assert (told.most - told.expected) < 0.02 * (told.planned - told.expected)


def test_racks_without_the_figures_are_as_before(monkeypatch):
    """Bit by bit the mean over the devices alone, in every solve and sum."""
    plain = twin.load("h100-air")
    found, up = uptime(plain), device_availability(plain)
    assert "rack" not in {one.kind for one in found.causes}
    counted = np.flatnonzero(np.isfinite(up))
    outs = np.concatenate([[-1], counted])[:, None]
    tray = tray_availability(plain.layout.availability.tray_repair, 8)
    share = expected(number_up(4, tray), np.arange(5) / 4)
    tokens = (twin.solve(plain, twin.Operation(out=outs)).tokens.values * np.full(16, share)).sum(axis=-1)
    mean, several = effective(tokens[0], tokens[1:], up[counted])
    assert found.expected == float(mean)
    assert found.most == float(mean) + float(several) * tokens[0]


def test_racks_of_a_mix(pod):
    mixed = twin.load("gb300-su", {"rows[row2].rack_type": "storage-rack", "rows[row2].support_load": "0 kW"})
    assert rack_availability(mixed) == pytest.approx([RACK] * 8 + [1.0] * 8, rel=1e-12)
    assert cause(uptime(mixed), "rack").devices == 8


@pytest.mark.parametrize("spares", [0, 1])
def test_a_job_stands_without_one_rack_or_enough_trays_in_each(spares):
    job = twin.load("gb300-su", TRAINING | {"availability.spares": str(spares)})
    found = uptime(job)
    whole = float(twin.solve(job).tokens_per_second[0])
    assert found.planned == pytest.approx(whole * (18 - spares) / 18, rel=1e-12)
    there = found.sound + found.single - cause(found, "utility").probability
    enough = 1 / (1 + 16 * binom.pmf(17 - spares, 18, TRAY) / binom.sf(17 - spares, 18, TRAY))
    assert enough == pytest.approx([0.727, 0.996][spares], abs=5e-4)
    tray, rack = cause(found, "tray"), cause(found, "rack")
    assert tray.lost == pytest.approx((1 - enough) * found.planned * there, rel=1e-9)
    assert (tray.devices, tray.worst) == (288, 0.0 if spares else found.planned)
    assert tray.probability == pytest.approx(1 - TRAY**288, rel=1e-9)
    # Racks take what trays leave: each is away as often whatever the other does.
    assert rack.worst == pytest.approx(found.planned)
    assert rack.lost == pytest.approx((1 - RACK**16) * enough * found.planned * there, rel=1e-9)
    lost = sum(one.lost for one in found.causes) + found.lost_several
    assert found.planned - found.expected == pytest.approx(lost, rel=1e-9)
    assert found.expected < found.added < found.most
    # The run sells what the trays leave of all it could yield.
    assert whole * job.uptime == pytest.approx(found.planned * enough, rel=1e-12)


def test_uptime_of_a_site_is_that_without_classes(site, monkeypatch):
    found = site()
    told = uptime(found)
    monkeypatch.setattr("twin.study.uptime.alike", lambda facility, _: np.arange(len(facility.devices.name)))
    monkeypatch.setattr(
        "twin.study.uptime.alike_racks", lambda facility, _: np.arange(len(facility.racks.name))
    )
    single = uptime(found)
    for name in ("planned", "expected", "most", "added", "lost_several"):
        assert getattr(told, name) == pytest.approx(getattr(single, name), rel=1e-10)
    for one in told.causes:
        other = cause(single, one.kind)
        assert (one.lost, one.worst) == pytest.approx((other.lost, other.worst), rel=1e-6, abs=1e-4)


def test_devices_are_alike_in_equal_blocks_only(site):
    found = site()
    assert first(found, "SU003.ups.B") == "SU001.ups.B"
    assert first(found, "SU003.cdu.2") == "SU001.cdu.1"
    assert first(found, "SU002.ups.B") == "SU002.ups.B"  # its racks are capped
    assert first(found, "SU002.cdu.2") == "SU002.cdu.1"
    assert first(found, "ONE.ups.B") == "ONE.ups.B"  # another UPS stands in the place of its ups.A
    assert first(found, "T.P2") == "T.P2"
    assert first(found, "drycooler.4") == "drycooler.1"


def test_what_tells_blocks_apart_at_the_operating_point(site):
    found = site()
    warm = twin.Operation(supply_temperature=[[310.0, 310.0, 311.0, 310.0]])
    assert first(found, "SU003.ups.B", warm) == "SU003.ups.B"
    assert first(found, "SU003.ups.B", twin.Operation(supply_temperature=310.0)) == "SU001.ups.B"
    flows = 1.0, np.ones(16), (), np.ones(16)
    air = [
        Recirculation(np.full((16, 16), share), 0.0, np.zeros(16), *flows) for share in (0.0, 0.0, 1e-3, 0.0)
    ]
    assert first(replace(found, recirculation=tuple(air)), "SU003.ups.B") == "SU003.ups.B"
    # Racks are shed in their order, so it matters which block stands first.
    assert first(replace(found, policy="priority"), "SU003.ups.B") == "SU003.ups.B"


def test_trays_and_spares_by_the_binomial(pod, found):
    # Without spares a pool loses the tray that is away, while the utility is there and two devices are not away.
    there = found.sound + found.single - cause(found, "utility").probability
    one = cause(found, "tray")
    assert one.lost == pytest.approx((1 - TRAY) * found.planned * there, rel=1e-9)
    assert one.devices == 288
    assert one.probability == pytest.approx(1 - TRAY**288, rel=1e-9)
    assert one.worst == pytest.approx(found.planned / 288, rel=1e-9)
    spared = twin.load("gb300-su", {"availability.spares": "2", "availability.tray_repair": "72 h"})
    kept = uptime(spared)
    up = 1 / (1 + 4 * TRAY_FAULTS * 72 * 3600)
    mean = sum(min(n, 16) * comb(18, n) * up**n * (1 - up) ** (18 - n) for n in range(19))
    assert kept.planned == pytest.approx(found.planned * 16 / 18)
    assert kept.expected == pytest.approx((1 - kept.several) * kept.planned * mean / 16 * RACK, rel=1e-6)
    assert kept.uptime > found.uptime
    # A spare takes the place of one tray: what is lost is lost to three and more in a rack.
    assert cause(kept, "tray").worst == 0.0
    assert cause(kept, "tray").probability == pytest.approx(1 - up**288, rel=1e-9)
    assert cause(kept, "tray").lost == pytest.approx((1 - mean / 16) * kept.planned * there, rel=1e-6)


def test_the_tray_of_an_hgx_rack_is_a_node_of_eight():
    air = twin.load("h100-air")
    found = uptime(air)
    there = found.sound + found.single - cause(found, "utility").probability
    one = cause(found, "tray")
    assert one.devices == 64
    assert one.lost == pytest.approx((1 - NODE) * found.planned * there, rel=1e-9)
    assert one.probability == pytest.approx(1 - NODE**64, rel=1e-9)
    assert one.worst == pytest.approx(found.planned / 64, rel=1e-9)
    assert air.uptime == pytest.approx(NODE, rel=1e-12)
    kept = uptime(twin.load("h100-air", {"availability.spares": "1"}))
    mean = (np.minimum(np.arange(5), 3) * binom.pmf(np.arange(5), 4, NODE)).sum() / 3
    assert kept.planned == pytest.approx(0.75 * found.planned)
    assert cause(kept, "tray").lost == pytest.approx((1 - mean) * kept.planned * there, rel=1e-6)


@pytest.mark.parametrize("spares", [0, 1])
def test_trays_of_both_kinds_in_one_layout(spares):
    mixed = twin.load("gb300-su", {"rows[row2].rack_type": "hgx-b200", "availability.spares": str(spares)})
    found, tokens = uptime(mixed), twin.solve(mixed).tokens.values[0]
    large, small = tokens[:8].sum(), tokens[8:].sum()
    assert large > small > 0
    share = [
        (np.minimum(np.arange(n + 1), n - spares) * binom.pmf(np.arange(n + 1), n, up)).sum() / n
        for n, up in ((18, TRAY), (4, NODE))
    ]
    assert found.planned == pytest.approx(large * (1 - spares / 18) + small * (1 - spares / 4), rel=1e-9)
    one = cause(found, "tray")
    assert one.devices == 8 * 18 + 8 * 4
    assert one.probability == pytest.approx(1 - TRAY**144 * NODE**32, rel=1e-9)
    # A node is a quarter of its rack, a tray an eighteenth.
    assert one.worst == (0.0 if spares else pytest.approx(max(tokens[0] / 18, tokens[8] / 4), rel=1e-9))
    working = large * share[0] + small * share[1]
    alone = found.sound * (found.planned - working)
    assert alone < one.lost < alone / found.sound
    assert mixed.uptime == pytest.approx((576 * share[0] + 256 * share[1]) / 832, rel=1e-12)


def test_the_uptime_of_a_run_is_of_all_trays_and_its_tokens_too(pod):
    slow = twin.load("gb300-su", {"availability.tray_repair": "72 h", "availability.spares": "2"})
    assert pod.uptime == pytest.approx(TRAY, rel=1e-12)
    up = 1 / (1 + 4 * TRAY_FAULTS * 72 * 3600)
    served = (np.minimum(np.arange(19), 16) * binom.pmf(np.arange(19), 18, up)).sum()
    assert slow.uptime == pytest.approx(served / 18, rel=1e-12)
    assert twin.solve(slow).tokens_per_second[0] == twin.solve(pod).tokens_per_second[0]
    stores = twin.load("gb300-su", {"rows.rack_type": "storage-rack", "rows.support_load": "0 kW"})
    assert stores.uptime == 1.0


@pytest.mark.parametrize(
    ("name", "spares", "told"),
    [
        ("h100-air", "4", "is 4, must be fewer than the 4 trays of a 'hgx-h100'"),
        ("h100-raised-floor", "1", "is 1, must be 0: a 'hgx-h100-8' is one tray"),
    ],
)
def test_spares_are_whole_nodes(name, spares, told):
    with pytest.raises(InputError, match=told):
        twin.load(name, {"availability.spares": spares})


def test_air_cooled_racks_and_several_blocks():
    for name in ("h100-air", "gb300-hall"):
        found = uptime(twin.load(name))
        assert found.sound + found.single + found.several == pytest.approx(1.0)
        lost = sum(one.lost for one in found.causes) + found.lost_several
        assert found.planned - found.expected == pytest.approx(lost, rel=1e-9)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("spares", "18", "must be fewer than the 18 trays of a 'gb300-nvl72'"),
        ("spares", "-1", "availability.spares"),
        ("tray_repair", "-1 h", "must be at least"),
        ("tray_repair", "5", "has no unit"),
        ("repair", "5 h", "availability.repair"),
    ],
)
def test_what_is_wrong_is_told(key, value, told):
    with pytest.raises(InputError, match=told):
        twin.load("gb300-su", {f"availability.{key}": value})


def test_the_line_of_too_many_spares_is_told(tmp_path):
    text = (twin.layout.files("twin") / "layouts" / "gb300-su.yaml").read_text()
    file = tmp_path / "spare.yaml"
    file.write_text(f"{text}\navailability:\n  spares: 20\n")
    with pytest.raises(InputError) as raised:
        twin.load(str(file))
    (problem,) = raised.value.problems
    assert (problem.path, problem.line) == ("availability.spares", len(text.splitlines()) + 3)


def test_scenarios_and_outages_are_refused(pod):
    for asked in (twin.Operation(dry_bulb=[290.0, 300.0]), twin.Operation(out=["ups.A"])):
        with pytest.raises(ValueError, match="one scenario without outages"):
            uptime(pod, asked)
    with pytest.raises(ValueError, match="no solution"):
        uptime(pod, twin.Operation(utility_cap=0.3e6))


def test_the_command_prints_a_table_or_an_object(found):
    runner = CliRunner()
    result = runner.invoke(cli.app, ["uptime"])
    assert result.exit_code == 0, result.output
    for word in (
        "288 tray",
        "16 rack",
        "4 ups",
        "two or more at once",
        f"{found.uptime:.4%}",
        "switches and cables between racks",
        "64 whip",
        "12 of 12 products are assumed",
        "leaks beyond one rack.",
    ):
        assert word in result.output
    told = json.loads(runner.invoke(cli.app, ["uptime", "--json"]).stdout)
    assert told["expected"] == found.expected
    assert told["availability"] == {"tray_repair": 86400.0, "spares": 0}
    assert [one["kind"] for one in told["causes"]] == [one.kind for one in found.causes]
    shares = sum(one["share"] for one in told["causes"]) + found.share(found.lost_several)
    assert shares == pytest.approx(1.0, rel=1e-9)
    job = [part for key, value in TRAINING.items() for part in ("--set", f"{key}={value}")]
    shown = runner.invoke(cli.app, ["uptime", *job, "--set", "availability.spares=1"]).output
    assert "Trays are back after 24 h, 1 spare in each rack; the job stands without all others." in shown
    refused = runner.invoke(cli.app, ["uptime", "--set", "utility.cap=0.3 MW"])
    assert (refused.exit_code, refused.stderr) == (3, "twin: no solution without an outage\n")
