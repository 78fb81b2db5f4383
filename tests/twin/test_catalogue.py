import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import twin
from electrical import converter
from thermal import air
from thermal.fluid import FLUIDS
from twin import catalogue
from twin.build import flow_curve
from twin.catalogue import STATUS, kind_of, product, products
from twin.catalogue.kinds import GROUPS, KINDS
from twin.document import read
from twin.economics import YEAR, capital_recovery
from twin.equipment import plate_rating
from twin.errors import InputError, UnknownName

SHIPPED = [(kind, name) for kind in KINDS for name in products(kind)]


def test_gb300_flow_curve_is_that_of_the_public_table():
    # equipment data: (2062 / (59.08 - T))**1.018 L/min reproduces the table within 0.2 L/min.
    curve = product("gb300-nvl72")["requiredLiquidFlowRate"]
    fitted = (2062.0 / (59.08 - (curve[:, 0] - 273.15))) ** 1.018
    np.testing.assert_allclose(curve[:, 1] * 60_000.0, fitted, atol=0.25)


def test_gb300_returns_56_degrees_at_45_as_the_energy_balance_of_pg25_says():
    # 4.00 kJ/(L K) is the volumetric heat capacity of PG25 within 0.1 % between 25 and 65 degC.
    rack = product("gb300-nvl72")
    flow = rack["requiredLiquidFlowRate"][-1, 1]
    assert 45.0 + rack["liquidCooling"] / (flow * 4.0e6) == pytest.approx(55.9, abs=0.05)


def test_xdu1350_head_is_the_reported_quadratic():
    flow, head = product("vertiv-xdu1350")["pumpFlowCurve"].T
    quadratic = np.polynomial.polynomial.polyfit(flow * 60_000.0, head / 1e3, 2)
    np.testing.assert_allclose(quadratic, [476.5, 0.0921, -0.000234], rtol=1e-4)


def test_air_cooled_chiller_has_cop_3_3_at_35_degree_air_and_18_degree_water():
    chiller = product("free-cooling-chiller-400")
    cold = 291.15 - chiller["evaporatorApproach"]
    warm = 308.15 + chiller["condenserApproach"]
    assert chiller["carnotFraction"] * cold / (warm - cold) == pytest.approx(3.3, abs=0.01)


def test_busway_impedance_is_the_table_of_pow_r_way_iii():
    # mohm per 100 ft, line to neutral, copper.
    table = {
        800: (2.30, 1.20),
        1000: (1.67, 0.95),
        1600: (0.94, 0.50),
        2000: (0.76, 0.39),
        2500: (0.55, 0.26),
        3200: (0.47, 0.31),
        4000: (0.38, 0.24),
    }
    for size, (resistance, reactance) in table.items():
        run = product(f"busway-{size}a")
        assert run["ratedCurrent"] == size
        assert run["resistancePerLength"] * 30.48 == pytest.approx(resistance * 1e-3, rel=1e-9)
        assert run["reactancePerLength"] * 30.48 == pytest.approx(reactance * 1e-3, rel=1e-9)


def test_pipes_give_the_velocities_of_the_hand_calculation():
    # 2,560 L/min: 2.1 m/s in DN150, 3.1 in DN125; half of it 1.6 in a row; 160 L/min 1.3 in a 2 in hose.
    def velocity(name, flow):
        return flow / 60_000.0 / (np.pi / 4.0 * product(name)["innerDiameter"] ** 2)

    assert velocity("steel-dn150", 2560) == pytest.approx(2.1, abs=0.05)
    assert velocity("steel-dn125", 2560) == pytest.approx(3.1, abs=0.05)
    assert velocity("steel-dn125", 1280) == pytest.approx(1.6, abs=0.06)
    assert velocity("hose-2in", 160) == pytest.approx(1.3, abs=0.05)


def test_deepseek_r1_parameters_add_up_to_the_model_card():
    card = product("deepseek-r1")
    routed = card["moeLayers"] * card["expertParameters"]
    assert card["alwaysReadParameters"] + card["experts"] * routed == pytest.approx(671e9, rel=0.005)
    # The card counts the 0.9e9 of the input embedding as not active.
    assert card["alwaysReadParameters"] + card["expertsPerToken"] * routed == pytest.approx(37e9, rel=0.02)


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_figure_has_unit_source_and_status(kind, name):
    made = product(name, kind)
    assert made.description
    begun = {KINDS[kind][figure].group for figure in made.figures}
    for figure, slot in KINDS[kind].items():
        assert figure in made.figures or not slot.required or slot.group not in begun
    for figure, entry in made.figures.items():
        assert entry.unit == ", ".join(KINDS[kind][figure].units)
        assert len(entry.source) > 8
        assert "[" not in entry.source
        assert entry.status in STATUS
        assert entry.status == "assumed" or not re.search(r"\(unverified\)|\bmem\b", entry.source)
        assert np.all(np.isfinite(entry.value)) if KINDS[kind][figure].units else isinstance(entry.value, str)


def test_product_names_are_unique_over_all_kinds():
    names = [name for _, name in SHIPPED]
    assert len(names) == len(set(names))
    assert products() == sorted(names)
    assert kind_of("ups-1000") == "ups"
    assert kind_of("perpetuum-mobile") is None


def test_a_product_is_read_once_and_survives_a_worker_process():
    made = product("gb300-nvl72", "rack")
    assert product("gb300-nvl72", "rack") is made
    copied = pickle.loads(pickle.dumps(made))
    assert copied["maxPowerDcTdp"] == 136e3
    np.testing.assert_array_equal(copied["shelfEfficiency"], made["shelfEfficiency"])


def test_curves_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        product("gb300-nvl72")["requiredLiquidFlowRate"][0, 0] = 0.0


def test_an_unknown_name_carries_the_nearest():
    with pytest.raises(KeyError) as caught:
        product("gb300-nvl27")
    assert isinstance(caught.value, UnknownName)
    assert str(caught.value) == "no product in the catalogue 'gb300-nvl27'; did you mean 'gb300-nvl72'?"
    with pytest.raises(UnknownName, match="no cdu in the catalogue"):
        product("gb300-nvl72", "cdu")
    with pytest.raises(UnknownName, match="did you mean 'rack'"):
        products("rak")
    with pytest.raises(UnknownName, match="did you mean 'maxPowerDcTdp'"):
        product("gb300-nvl72")["maxPowerDcTpd"]
    assert product("gb300-nvl72").get("maxPowerDcTpd", 1.0) == 1.0


GOOD = """kind: pump
name: p
description: a pump
figures:
  ratedFlow: {value: 25 L/s, source: a document, status: assumed}
  ratedHead: {value: 245 kPa, source: a document, status: assumed}
  pumpEfficiency: {value: 0.72, source: a document, status: assumed}
  motorEfficiency: {value: 0.93, source: a document, status: assumed}
  driveEfficiency: {value: 0.97, source: a document, status: assumed}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("25 L/s", "25", "pump/p.yaml:5:22 figures.ratedFlow.value: '25' has no unit"),
        ("25 L/s", "25 kW", "is a power [kW], expected a volume flow"),
        (", status: assumed}\n  ratedHead", "}\n  ratedHead", "figures.ratedFlow.status: is missing"),
        (
            "source: a document, status: assumed}\n  ratedHead",
            "source: '', status: assumed}\n  ratedHead",
            "source",
        ),
        ("status: assumed}\n  ratedHead", "status: guessed}\n  ratedHead", "expected one of datasheet"),
        (
            "source: a document, status: assumed}\n  ratedHead",
            "source: a document (unverified), status: published}\n  ratedHead",
            "figures.ratedFlow.status: is 'published', expected 'assumed' beside a source that is (unverified)",
        ),
        ("ratedFlow", "ratedFolw", "a pump has no figure 'ratedFolw'; did you mean 'ratedFlow'?"),
        ("  ratedFlow: {value: 25 L/s, source: a document, status: assumed}\n", "", "'ratedFlow' is missing"),
        ("kind: pump", "kind: fan", "is 'fan', expected 'pump'"),
        ("description: a pump\n", "", "description: is missing"),
        ("value: 25 L/s, ", "value: 25 L/s, note: x, ", "figures.ratedFlow.note: is not known"),
        (
            "{value: 25 L/s, source: a document, status: assumed}",
            "25 L/s",
            "expected {value: ..., source: ...",
        ),
    ],
)
def test_a_bad_product_file_names_line_and_remedy(old, new, message):
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        catalogue._product(read(GOOD.replace(old, new, 1), "pump/p.yaml"), "p", "pump")
    assert message in str(caught.value)


def test_a_curve_must_ascend():
    slot = KINDS["ups"]["efficiency"]
    for value in ([[0.5, 0.97]], [[0.5, 0.97], [0.25, 0.96]], [0.5, 0.97], "0.97"):
        with pytest.raises(ValueError, match="points"):
            catalogue._figure({"value": value, "source": "x", "status": "assumed"}, slot)


def rack_without(*groups: str) -> str:
    """The file of the reference rack with the figures of some groups left out."""
    text = Path(catalogue.__file__).parent.joinpath("rack", "gb300-nvl72.yaml").read_text("utf-8")
    lines, keep = [], True
    for line in text.splitlines():
        if line.startswith("  ") and line[2] not in " #":
            keep = KINDS["rack"][line.split(":")[0].strip()].group not in groups
        if keep:
            lines.append(line)
    return "\n".join(lines)


def rack(text: str):
    return catalogue._product(read(text, "rack/gb300-nvl72.yaml"), "gb300-nvl72", "rack")


def test_an_air_cooled_rack_has_none_of_the_liquid_figures():
    made = rack(rack_without("liquid"))
    assert made["gpuPower"] == 1400.0
    assert made.get("liquidCooling") is None


def test_a_group_begun_is_asked_for_whole_in_one_line():
    text = (
        rack_without("liquid") + "\n  rackCoolantVolume: {value: 33 L, source: a document, status: assumed}\n"
    )
    with pytest.raises(InputError) as caught:
        rack(text)
    (problem,) = caught.value.problems
    assert problem.message.startswith(
        "beside 'rackCoolantVolume' are missing liquidCooling, heatCaptureRatio"
    )
    assert problem.message.endswith("(an air-cooled rack has none of them)")
    assert problem.line


def test_gpus_have_figures_and_a_rack_without_gpus_has_not():
    without = rack_without("gpu")
    with pytest.raises(
        InputError, match=r"figures.numGPUs: is 72: asks for trayGPUs, gpuPower, .*gpuCapital"
    ):
        rack(without)
    none = "numGPUs: {value: 0,"
    assert rack(without.replace("numGPUs: {value: 72,", none)).get("gpuPower") is None
    with pytest.raises(InputError, match="is 0: a rack without GPUs has none of them"):
        rack(rack_without().replace("numGPUs: {value: 72,", none))


@pytest.mark.parametrize(
    ("figure", "count"), [("trayGPUs", "5"), ("trayGPUs", "0"), ("trayGPUs", "4.5"), ("linkDomain", "7")]
)
def test_trays_and_link_domains_are_whole_parts_of_a_rack(own, figure, count):
    own("rack", "odd", "gb300-nvl72", f"{figure}: {{value: {count}, source: a document, status: assumed}}")
    told = f"figures.{figure}: is {count}: must be a whole number that divides numGPUs, 72"
    with pytest.raises(InputError, match=told):
        product("odd")


def test_a_base_of_another_size_needs_trays_that_fit(own):
    own("rack", "fewer", "hgx-h100", "numGPUs: {value: 12, source: a document, status: assumed}")
    with pytest.raises(InputError) as raised:
        product("fewer")
    assert {problem.path for problem in raised.value.problems} == {"figures.trayGPUs", "figures.linkDomain"}


def test_the_tray_of_a_rack_with_gpus_is_asked_for():
    text = (Path(catalogue.__file__).parent / "rack" / "gb300-nvl72.yaml").read_text()
    without = "".join(line for line in text.splitlines(True) if "trayGPUs" not in line)
    with pytest.raises(InputError, match="are missing trayGPUs"):
        rack(without)


def test_optional_figures_of_a_group_are_not_asked_for():
    asked = {figure for figure, slot in KINDS["rack"].items() if slot.group and slot.required}
    assert "gpuFlopsFp4" not in asked
    assert {slot.group for kind in KINDS.values() for slot in kind.values()} == {"", *GROUPS}


HEIR = """kind: {kind}
name: {name}
base: {base}
description: as {base} but for what stands below
figures: {{{figures}}}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a product that builds on another into a catalogue of one's own."""
    monkeypatch.setenv("TWIN_CATALOGUE", str(tmp_path))

    def write(kind: str, name: str, base: str, figures: str = "") -> Path:
        (tmp_path / kind).mkdir(exist_ok=True)
        file = tmp_path / kind / f"{name}.yaml"
        file.write_text(HEIR.format(kind=kind, name=name, base=base, figures=figures))
        catalogue._files.cache_clear()
        return file

    return write


SMALLER = "{value: 120 kW, source: a document, status: assumed}"


def test_a_new_rack_is_one_file_and_runs(own):
    own("rack", "house-rack", "gb300-nvl72", f"maxPowerDcTdp: {SMALLER}, liquidCooling: {SMALLER}")
    facility = twin.load("gb300-su", {"rows.rack_type": "house-rack"})
    assert facility.racks.types[0].name == "house-rack"
    assert facility.racks.fixed[0] == pytest.approx(120e3 - 72 * 1400.0)
    assert facility.racks.types[0].gpu == twin.load("gb300-su").racks.types[0].gpu
    state, reference = twin.solve(facility), twin.solve(twin.load("gb300-su"))
    assert bool(state.converged.all())
    assert float(state.power.max()) < float(reference.power.min())


def test_inherited_figures_stand_in_the_table_like_own_ones(own):
    own("rack", "house-rack", "gb300-nvl72", f"maxPowerDcTdp: {SMALLER}")
    made, base = product("house-rack"), product("gb300-nvl72")
    assert list(made.figures) == list(base.figures)
    assert made.figures["weight"] is not None
    assert made.figures["weight"].source == base.figures["weight"].source
    assert (made.name, made["maxPowerDcTdp"], base["maxPowerDcTdp"]) == ("house-rack", 120e3, 136e3)
    assert made.figures["maxPowerDcTdp"].source == "a document"


def test_a_base_may_build_on_another(own):
    own("pump", "one", "facility-pump-25ls")
    own("pump", "two", "one", "ratedHead: {value: 300 kPa, source: a document, status: assumed}")
    assert (product("two")["ratedHead"], product("two")["ratedFlow"]) == (300e3, 0.025)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("facility-pump-25sl", "there is no pump 'facility-pump-25sl'; did you mean 'facility-pump-25ls'?"),
        ("ups-1000", "'ups-1000' is a ups, expected a pump"),
        ("mine", "runs in a circle: mine builds on mine"),
        ("other", "runs in a circle: mine builds on other builds on mine"),
        ("[]", "there is no pump []"),
    ],
)
def test_a_base_that_cannot_be_is_named_with_its_line(own, base, message):
    own("pump", "other", "mine")
    own("pump", "mine", base)
    with pytest.raises(InputError) as caught:
        product("mine")
    (problem,) = caught.value.problems
    assert problem.message == message
    assert (problem.line, problem.path) == (3, "base")


def test_faults_of_a_base_are_those_of_its_file(own):
    file = own(
        "pump", "one", "facility-pump-25ls", "ratedHead: {value: 300, source: a document, status: assumed}"
    )
    own("pump", "two", "one")
    with pytest.raises(InputError, match=f"{file}:5:.*'300' has no unit"):
        product("two")


def test_a_name_that_the_catalogue_has_is_refused_with_both_places(own):
    file = own("pump", "gb300-nvl72", "facility-pump-25ls")
    with pytest.raises(InputError) as caught:
        products()
    assert str(file) in str(caught.value)
    assert "'gb300-nvl72' is the name of a product in" in str(caught.value)
    assert str(Path("rack", "gb300-nvl72.yaml")) in str(caught.value)


def test_folders_that_are_none_and_kinds_that_are_none_are_named(own, monkeypatch):
    file = own("pumps", "mine", "facility-pump-25ls")
    with pytest.raises(InputError, match="there is no kind of product 'pumps'; did you mean 'pump'"):
        products()
    monkeypatch.setenv("TWIN_CATALOGUE", str(file))
    with pytest.raises(InputError, match="TWIN_CATALOGUE: there is no folder"):
        products()


def test_the_catalogue_follows_the_variable(own, monkeypatch, tmp_path_factory):
    own("pump", "mine", "facility-pump-25ls")
    assert "mine" in products("pump")
    assert kind_of("mine") == "pump"
    kept = product("gb300-nvl72")
    monkeypatch.delenv("TWIN_CATALOGUE")
    assert "mine" not in products()
    with pytest.raises(UnknownName):
        product("mine")
    second = tmp_path_factory.mktemp("second")
    (second / "pump").mkdir()
    (second / "pump" / "mine.yaml").write_text(
        HEIR.format(kind="pump", name="mine", base="facility-pump-25ls", figures="").replace(
            "as f", "another f"
        )
    )
    monkeypatch.setenv("TWIN_CATALOGUE", str(second))
    assert product("mine").description.startswith("another")
    assert product("gb300-nvl72")["maxPowerDcTdp"] == kept["maxPowerDcTdp"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("figures:", "figures: []\nrest:", "figures: expected figures by their names"),
        ("description: a pump", "description: [a, pump]", "description: is not text"),
    ],
)
def test_a_file_of_the_wrong_form_is_no_crash(old, new, message):
    with pytest.raises(InputError, match=message):
        catalogue._product(read(GOOD.replace(old, new, 1), "pump/p.yaml"), "p", "pump")


def test_cache_heads_and_domain_come_from_the_cards(own):
    from twin.build import rack_type
    from twin.cards import model

    assert model(product("deepseek-r1")).kv_heads == 1
    own(
        "model",
        "grouped",
        "deepseek-r1",
        "kvHeads: {value: 8, source: a document, status: assumed}, "
        "attentionLayers: {value: 31, source: a document, status: assumed}",
    )
    card = model(product("grouped"))
    assert (card.kv_heads, card.attention_layers, card.layers) == (8, 31, 61)
    own("rack", "eights", "gb300-nvl72", "linkDomain: {value: 8, source: a document, status: assumed}")
    law = product("blackwell")
    domains = [rack_type(product(name), law, "fp8").gpu.domain for name in ("gb300-nvl72", "eights")]
    assert domains == [72, 8]


RACKS = products("rack")
LIQUID = [name for name in RACKS if product(name).get("liquidCooling")]
WITH_GPUS = [name for name in RACKS if product(name)["numGPUs"]]


def supplied(made) -> float:
    """AC power of a rack at its DC TDP by its shelf curve [W]."""
    curve = converter.loss_coefficients(*made["shelfEfficiency"].T)
    return float(
        converter.input_power(made["maxPowerDcTdp"], made["numShelves"] * made["shelfRating"], curve)
    )


@pytest.mark.parametrize("name", RACKS)
def test_powers_of_a_rack_agree(name):
    made = product(name)
    assert made["maxPowerDcTdp"] == pytest.approx(
        made.get("liquidCooling", 0.0) + made["airCooling"], rel=0.01
    )
    assert made["maxPowerDcTdp"] < supplied(made) <= made["maxPowerAcEdpp1"]
    assert made["maxPowerAcEdpp1"] < 1.1 * made["maxPowerDcTdp"]
    assert made["idlePowerDefault30Pct"] < made["maxPowerDcTdp"] < made["numShelves"] * made["shelfRating"]


@pytest.mark.parametrize("name", [name for name in RACKS if product(name).get("hostPower")])
def test_what_a_node_draws_leaves_room_to_its_tdp_for_fans_at_full(name):
    made = product(name)
    assert made["hostPower"] + made["numGPUs"] * made["gpuPower"] < made["maxPowerDcTdp"]


@pytest.mark.parametrize("name", RACKS)
def test_air_of_a_rack_warms_by_ten_to_twenty_kelvin_at_its_warmest_inlet(name):
    made = product(name)
    inlet = made["airInletMaximum"]
    flow = float(flow_curve(made["requiredAirFlowRate"])(np.array(inlet)))
    capacity = flow * air.density(inlet, air.pressure(0.0)) * air.HEAT_CAPACITY
    assert 10.0 < (supplied(made) - made.get("liquidCooling", 0.0)) / capacity < 20.0


@pytest.mark.parametrize("name", LIQUID)
def test_coolant_of_a_rack_warms_by_eleven_kelvin_at_45_degrees_and_less_flow_is_asked_for_colder(name):
    made = product(name)
    curve = made["requiredLiquidFlowRate"]
    assert np.all(np.diff(curve[:, 1]) > 0)
    assert curve[-1, 0] == pytest.approx(318.15)
    assert made["liquidCooling"] / (curve[-1, 1] * 4.0e6) == pytest.approx(10.9, abs=0.1)
    assert made["liquidCooling"] / made["maxPowerDcTdp"] == pytest.approx(made["heatCaptureRatio"], abs=0.005)
    assert made["liquidReferenceFlow"] == pytest.approx(curve[-1, 1], rel=0.25)


@pytest.mark.parametrize("name", WITH_GPUS)
def test_gpus_of_a_rack_leave_watts_for_the_rest_and_read_plausible_memory(name):
    made = product(name)
    fixed = made["maxPowerDcTdp"] - made["numGPUs"] * made["gpuPower"]
    assert 0.2 < fixed / made["maxPowerDcTdp"] < 0.45
    assert made["numGPUs"] % made.get("linkDomain", made["numGPUs"]) == 0
    assert 0.012 < made["gpuMemory"] / made["gpuMemoryBandwidth"] < 0.04
    assert made["gpuFlopsBf16"] < made["gpuFlopsFp8"] < made.get("gpuFlopsFp4", np.inf)
    assert product(made["powerLaw"]).kind == "power_law"


def test_capital_per_gpu_gives_inferencex_cost_per_gpu_hour_within_6_percent():
    # Neocloud prices of SemiAnalysis InferenceX; facility 12 USD/W over 15 years, electricity 0.08 USD/kWh at 0.8 load.
    prices = {"hgx-h100": 1.69, "hgx-h200": 1.74, "hgx-b200": 2.34, "hgx-b300": 2.81}
    for name, price in {**prices, "gb200-nvl72": 2.75, "gb300-nvl72": 3.30}.items():
        made = product(name)
        watts = made["maxPowerAcEdpp1"] / made["numGPUs"]
        annual = made["gpuCapital"] * (capital_recovery(0.10, 4 * YEAR) + 0.04)
        annual += 12.0 * watts * capital_recovery(0.10, 15 * YEAR)
        assert annual / (YEAR / 3600.0) + 0.8 * 0.08e-3 * watts == pytest.approx(price, rel=0.0605)


def test_max_q_keeps_what_max_p_leaves_beside_the_gpus():
    full, quiet = product("vr-nvl72"), product("vr-nvl72-maxq")
    rest = full["maxPowerDcTdp"] - 72 * full["gpuPower"]
    assert quiet["maxPowerDcTdp"] - 72 * quiet["gpuPower"] == pytest.approx(rest, rel=1e-3)
    assert full["requiredLiquidFlowRate"][-1, 1] * 60e3 == pytest.approx(307.7)
    assert supplied(full) == pytest.approx(235.9e3, rel=1e-3)


def test_nvl72_curves_are_those_of_gb300_by_heat():
    base = product("gb300-nvl72")
    for name in ("gb200-nvl72", "vr-nvl72", "vr-nvl72-maxq"):
        made = product(name)
        wet = made["liquidCooling"] / base["liquidCooling"]
        dry = (supplied(made) - made["liquidCooling"]) / (supplied(base) - base["liquidCooling"])
        for figure, scale in (("requiredLiquidFlowRate", wet), ("requiredAirFlowRate", dry)):
            np.testing.assert_allclose(made[figure], base[figure] * [1.0, scale], rtol=2e-3)


def test_hopper_has_no_fp4():
    for name in ("hgx-h100", "hgx-h200"):
        assert product(name).get("gpuFlopsFp4") is None
        assert product(name).get("liquidCooling") is None
    assert product("hgx-h200")["gpuMemory"] == 141e9
    assert product("hgx-h200")["gpuPower"] == product("hgx-h100")["gpuPower"] == 700.0


def test_deschutes_has_the_head_the_power_and_the_exchanger_of_its_specification():
    unit = product("ocp-deschutes")
    psi, flow = 6894.757, unit["maximumFlow"]
    assert flow == pytest.approx(500 * 3.785411784e-3 / 60.0, rel=1e-3)
    assert 80 * psi < unit["pumpFlowCurve"][-1, 1] < 90 * psi
    assert unit["pumpFlowCurve"][0, 1] <= 130 * psi
    pump = unit["pumpFlowCurve"][-1, 1] + unit["secondaryPressureDrop"]
    assert pump == pytest.approx(112 * psi, rel=2e-3)
    assert flow * pump / unit["pumpEfficiency"] == pytest.approx(37e3, rel=0.01)
    conductance, _ = plate_rating(unit, unit["nominalCoolingCapacity"], FLUIDS["pg25"])
    # By hand 550 kW/K with both flows as specified.
    assert conductance == pytest.approx(550e3, rel=0.08)


@pytest.mark.parametrize("name", products("cdu"))
def test_a_cdu_meets_its_rated_flow_and_its_filter_is_part_of_its_drop(name):
    unit = product(name)
    assert unit["filterPressureDrop"] < unit["secondaryPressureDrop"]
    flow, head = unit["pumpFlowCurve"].T
    assert 0.95 < flow[-1] / unit["maximumFlow"] <= 1.0
    assert unit["ratingMassFlow"] / 1015.0 == pytest.approx(unit["maximumFlow"], rel=0.03)
    assert np.all(head > 0)
    hydraulic = flow * (head + unit["secondaryPressureDrop"] * (flow / flow[-1]) ** 2)
    greatest = max(unit["maximumPowerConsumption2XPumps"], unit.get("maximumPowerConsumption3XPumps", 0.0))
    assert hydraulic.max() / unit["pumpEfficiency"] < 1.02 * greatest


@pytest.mark.parametrize("name", products("fan_wall"))
def test_a_fan_wall_cools_its_air_to_no_less_than_its_water(name):
    wall = product(name)
    cooled = wall["nominalCoolingCapacity"] / (wall["nominalAirVolume"] * 1.2 * air.HEAT_CAPACITY)
    assert 0.2 < cooled / (wall["ratingAirTemperature"] - wall["ratingWaterTemperature"]) < 0.85


@pytest.mark.parametrize("name", products("dry_cooler"))
def test_a_dry_cooler_is_the_two_megawatt_unit_by_size(name):
    cooler, whole = product(name), product("dry-cooler-2mw")
    size = cooler["nominalCapacity"] / whole["nominalCapacity"]
    for figure in ("airCapacityRate", "fanPower", "width"):
        assert cooler[figure] == pytest.approx(size * whole[figure])


@pytest.mark.parametrize("name", products("transformer"))
def test_a_transformer_has_the_losses_of_the_typical_unit_by_size(name):
    made, typical = product(name), product("transformer-2500")
    size = made["rating"] / typical["rating"]
    assert (made["noLoadLoss"], made["loadLoss"]) == pytest.approx(
        (size * typical["noLoadLoss"], size * typical["loadLoss"])
    )
    assert made["impedance"] == typical["impedance"]


@pytest.mark.parametrize("name", [*products("panel"), *products("whip")])
def test_panels_and_whips_are_for_415_volts_or_800_direct(name):
    assert product(name)["nominalVoltage"] == (800.0 if "dc" in name else 415.0)


def test_names_of_products_tell_their_size():
    sizes = [
        ("panel", "rpp-", "rating", 1e3),
        ("transformer", "transformer-", "rating", 1e3),
        ("ups", "ups-", "rating", 1e3),
        ("conductor", "busway-", "ratedCurrent", 1.0),
        ("whip", "whip-", "ratedCurrent", 1.0),
        ("pump", "facility-pump-", "ratedFlow", 1e-3),
        ("chiller", "free-cooling-chiller-", "nominalCapacity", 1e3),
        ("chiller", "trim-chiller-", "nominalCapacity", 1e3),
        ("fan_wall", "cw", "nominalCoolingCapacity", 1e3),
    ]
    for kind, prefix, figure, unit in sizes:
        named = [name for name in products(kind) if name.startswith(prefix)]
        assert named
        for name in named:
            size = re.match(r"\d+", name.removeprefix(prefix))
            assert size is not None
            assert product(name)[figure] == pytest.approx(float(size[0]) * unit), name


def test_pipes_are_in_order_of_their_nominal_size_and_carry_vera_rubin():
    steel = sorted((int(name.removeprefix("steel-dn")), name) for name in products("pipe") if "steel" in name)
    inner = [product(name)["innerDiameter"] for _, name in steel]
    assert np.all(np.diff(inner) > 0)
    assert [size for size, _ in steel] == [80, 100, 125, 150, 200, 250, 300, 400]
    np.testing.assert_allclose(inner, [size / 1e3 for size, _ in steel], rtol=0.075)
    for name, racks, least, most in (("steel-dn250", 16, 1.0, 2.0), ("hose-3in", 1, 1.0, 1.5)):
        area = np.pi / 4.0 * product(name)["innerDiameter"] ** 2
        assert least < racks * product("vr-nvl72")["liquidReferenceFlow"] / area < most


def test_llama_parameters_add_up_to_the_model_card():
    card = product("llama-3.3-70b")
    width, kept, inner, words = card["hidden"], 1024.0, 28672.0, 128256.0
    layer = 2 * width**2 + 2 * width * kept + 3 * width * inner
    assert card["layers"] * layer + words * width == pytest.approx(card["alwaysReadParameters"], rel=0.002)
    assert card["alwaysReadParameters"] + words * width == pytest.approx(card["totalParameters"], rel=0.002)
    assert card["kvElements"] == 2 * card["kvHeads"] * width / card["heads"]


def test_llama_serves_on_the_reference_pod():
    state = twin.solve(twin.load("gb300-su", {"workload.model": "llama-3.3-70b"}))
    assert bool(state.converged.all())
    assert float(state.tokens_per_second[0]) > 0.0


@pytest.mark.parametrize("name", ["gb200-nvl72", "vr-nvl72", "vr-nvl72-maxq"])
def test_liquid_cooled_racks_run_in_the_reference_pod(name):
    state = twin.solve(twin.load("gb300-su", {"rows.rack_type": name}))
    assert bool(state.converged.all())
    assert 0.0 < float(state.power.max()) < product(name)["maxPowerAcEdpp1"]


@pytest.mark.parametrize(
    "name", ["hgx-h100", "hgx-h200", "hgx-b200", "hgx-b300", "cpu-rack", "network-rack", "storage-rack"]
)
def test_air_cooled_racks_run_beside_no_coolant(name):
    sets = {"rows.rack_type": name, "workload.model": "llama-3.3-70b", "workload.precision": "fp8"}
    facility = twin.load("gb300-su", sets)
    state = twin.solve(facility)
    assert bool(state.converged.all())
    assert float(state.liquid_heat.sum()) == 0.0
    assert float(state.power.max()) <= product(name)["maxPowerAcEdpp1"] * (1 + 1e-9)
    assert bool(state.tokens_per_second[0] > 0.0) == (product(name)["numGPUs"] > 0)


def attention_parameters(hidden: int, heads: int, kv_heads: int, width: int) -> int:
    """Query, key, value and output matrices of a layer with grouped queries."""
    return 2 * hidden * heads * width + 2 * hidden * kv_heads * width


def latent_parameters(hidden: int, heads: int) -> int:
    """Matrices of a layer with latent attention, DeepSeek-V3: query and key-value latents 1536 and 512, rotary 64."""
    query = hidden * 1536 + 1536 * heads * (128 + 64)
    return query + hidden * (512 + 64) + 512 * heads * (128 + 128) + heads * 128 * hidden


@pytest.mark.parametrize(
    ("name", "attention", "dense", "dense_layers", "expert", "shared", "words"),
    [
        ("deepseek-r1", latent_parameters(7168, 128), 18432, 3, 2048, 1, 129280),
        ("kimi-k2.5", latent_parameters(7168, 64), 18432, 1, 2048, 1, 163840),
        ("gpt-oss-120b", attention_parameters(2880, 64, 8, 64), 0, 0, 2880, 0, 201088),
        ("llama-3.1-405b", attention_parameters(16384, 128, 8, 128), 53248, 126, 0, 0, 128256),
        ("llama-3.3-70b", attention_parameters(8192, 64, 8, 128), 28672, 80, 0, 0, 128256),
        ("qwen3-235b-a22b", attention_parameters(4096, 64, 4, 128), 0, 0, 1536, 0, 151936),
        ("minimax-m2.5", attention_parameters(3072, 48, 8, 128), 0, 0, 1536, 0, 200064),
    ],
)
def test_a_model_card_is_what_its_configuration_adds_up_to(
    name, attention, dense, dense_layers, expert, shared, words
):
    # By hand from config.json: widths of the feed-forward layers, of an expert, shared experts and the vocabulary.
    card = product(name)
    wide = 3 * card["hidden"]
    router = card["experts"] * card["hidden"]
    always = card["layers"] * attention + dense_layers * wide * dense + words * card["hidden"]
    always += card["moeLayers"] * (shared * wide * expert + router)
    routed = card["experts"] * wide * expert * card["moeLayers"]
    active = always + card["expertsPerToken"] * wide * expert * card["moeLayers"]
    assert card["alwaysReadParameters"] == pytest.approx(always, rel=0.01)
    assert card["activeParameters"] == pytest.approx(active, rel=0.02)
    assert card["expertParameters"] == pytest.approx(wide * expert, rel=1e-3)
    assert card["totalParameters"] == pytest.approx(always + words * card["hidden"] + routed, rel=0.02)
