import pickle

import numpy as np
import pytest

from twin import catalogue
from twin.catalogue import KINDS, STATUS, kind_of, product, products
from twin.document import read
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
    table = {"1000": (1.67, 0.95), "1600": (0.94, 0.50), "2000": (0.76, 0.39), "4000": (0.38, 0.24)}
    for size, (resistance, reactance) in table.items():
        run = product(f"busway-{size}a")
        assert run["ratedCurrent"] == float(size)
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
    for figure, slot in KINDS[kind].items():
        assert figure in made.figures or not slot.required
    for figure, entry in made.figures.items():
        assert entry.unit == ", ".join(KINDS[kind][figure].units)
        assert len(entry.source) > 8
        assert "[" not in entry.source
        assert entry.status in STATUS
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
