"""Every public kernel with units: called in odd units, with wrong ones, and in another system of units."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pint
import pytest

from thermal.fluid import PG25, WATER
from twin import aware
from twin.aware import quantity
from twin.errors import UnitError
from twin.units import registry


def discovered():
    """Every public function of the physics packages and every public method of their dataclasses."""
    found = {}
    for package in ("geometry", "thermal", "electrical"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if module.name.startswith("_"):
                continue
            place = f"{package}.{module.name}"
            for name, member in vars(importlib.import_module(place)).items():
                if name.startswith("_") or getattr(member, "__module__", None) != place:
                    continue
                if inspect.isfunction(member):
                    found[f"{place}.{name}"] = member
                elif is_dataclass(member) and isinstance(member, type):
                    for method, function in inspect.getmembers(member, inspect.isfunction):
                        if not method.startswith("_"):
                            found[f"{place}.{name}.{method}"] = function
    return found


KERNELS = discovered()
OTHER = pint.UnitRegistry()


@dataclass(frozen=True)
class Of:
    """An argument that is the result of another kernel's case."""

    kernel: str


K = np.array([291.15, 304.0, 318.15])
WATTS = np.array([60e3, 90e3, 116e3])
LINE = dict(parent=np.array([-1, 0, 1, 1]), power=np.array([[0.0, 0.0, 90e3, 40e3], [0.0, 1e3, 2e3, 3e3]]))
SHELF = np.array([0.004, 0.01, 0.02])
COOLER = dict(rated=389e3, rated_water=182e3, rated_air=200e3)

# A case a kernel: arguments in SI.
CASES = {
    "geometry.box.overlaps": dict(
        boxes=np.array([[[0.0, 0, 0], [1, 1, 1]], [[1, 0, 0], [2, 1, 1]], [[1.5, 0, 0], [3, 1, 1]]]),
        tolerance=1e-3,
        most=10,
    ),
    "geometry.route.manhattan_length": dict(
        start=np.array([0.3, 1.0, 2.0]), end=np.array([[3.0, 4.0, 2.5], [1.0, -2.0, 0.0]])
    ),
    "geometry.route.along_axes": dict(
        start=np.array([0.3, 1.0, 2.0]), end=np.array([[3.0, 4.0, 2.5], [1.0, -2.0, 0.0]]), order="zxy"
    ),
    "geometry.route.route_length": dict(corners=np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [2.0, 3.0, 1.0]])),
    "geometry.route.tray_boxes": dict(
        corners=np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [2.0, 0.0, 3.0]]), width=0.3, height=0.1
    ),
    "geometry.row.rack_boxes": dict(
        origin=np.array([1.0, 2.0]), pitch=0.61, count=5, size=np.array([0.6, 1.2, 2.3]), facing="east"
    ),
    "thermal.air.density": dict(temperature=K, pressure=101325.0),
    "thermal.air.pressure": dict(altitude=np.array([20.0, 1500.0])),
    "thermal.air.aisle": dict(
        supply_temperature=297.15, supply_flow=np.array([8.0, 12.0]), rack_flow=10.0, heat=100e3, leakage=0.05
    ),
    "thermal.coldplate.resistance": dict(flow=np.array([1.1, 1.7]) / 60e3),
    "thermal.coldplate.case_temperature": dict(inlet=K, power=1400.0, flow=1.7 / 60e3),
    "thermal.coldplate.power_limit": dict(inlet=K, case_limit=348.15, flow=1.7 / 60e3),
    "thermal.exchanger.counterflow": dict(conductance=np.array([2e3, 8e3]), hot=5e3, cold=np.array([5e3, 3e3])),
    "thermal.exchanger.parallelflow": dict(conductance=np.array([2e3, 8e3]), hot=5e3, cold=4e3),
    "thermal.exchanger.crossflow": dict(conductance=np.array([2e3, 8e3]), hot=5e3, cold=4e3),
    "thermal.exchanger.rated_conductance": dict(
        duty=1.3e6, hot_inlet=330.0, cold_inlet=303.0, hot=105e3, cold=np.array([90e3, 140e3])
    ),
    "thermal.exchanger.scaled_conductance": dict(
        rated=300e3, hot_ratio=np.array([0.5, 1.1]), cold_ratio=0.7, hot_resistance_share=0.4, exponent=0.75
    ),
    **{
        f"thermal.fluid.Fluid.{name}": dict(self=PG25, temperature=K)
        for name in ("density", "heat_capacity", "conductivity", "viscosity", "enthalpy")
    },
    "thermal.fluid.Fluid.temperature": dict(self=WATER, enthalpy=np.array([60e3, 180e3])),
    "thermal.fluid.outlet_temperature": dict(fluid=PG25, inlet=K, heat=WATTS, mass_flow=2.687),
    "thermal.loop.delivered_share": dict(
        demand=0.04, branch_head=np.array([90e3, 250e3]), pipe_head=60e3, units=2,
        coefficients=(300e3, -1e5, -2e8), maximum_flow=0.03, branch_exponent=1.8, pipe_exponent=1.75,
    ),
    "thermal.pipe.velocity": dict(volume_flow=np.array([0.01, 0.0427]), diameter=0.1603),
    "thermal.pipe.friction_factor": dict(reynolds=np.array([1e3, 1e5]), relative_roughness=1e-3),
    "thermal.pipe.pressure_drop": dict(
        volume_flow=np.array([1e-4, 0.02]), diameter=0.1, length=10.0, roughness=5e-5, loss_coefficient=1.5,
        density=1010.0, viscosity=1e-3,
    ),
    "thermal.pump.head": dict(
        volume_flow=np.array([0.01, 0.02]), coefficients=(300e3, -1e5, -2e8), speed=0.9
    ),
    "thermal.pump.hydraulic_power": dict(volume_flow=0.04, pressure_rise=np.array([1e5, 2e5])),
    "thermal.pump.electrical_power": dict(volume_flow=0.04, pressure_rise=1e5, efficiency=0.6),
    "thermal.pump.fan_power": dict(rated_power=8e3, flow_ratio=np.array([0.1, 0.5]), minimum_ratio=0.3),
    "thermal.rejection.dry_cooler_conductance": dict(
        rated=389e3, water_ratio=np.array([0.8, 1.0]), air_ratio=0.5, air_to_water=0.6,
        water_exponent=0.85, air_exponent=0.8,
    ),
    "thermal.rejection.dry_cooler_duty": dict(
        water=350e3, units=2, speed=np.array([0.5, 1.0]), **COOLER,
        air_to_water=0.6, water_exponent=0.85, air_exponent=0.8,
    ),
    "thermal.rejection.rated_dry_cooler_conductance": dict(
        duty=2e6, water_in=325.15, water_out=314.15, dry_bulb=np.array([300.0, 308.15]), air=200e3
    ),
    "thermal.rejection.dry_cooler_speed": dict(
        duty=2e6, water_in=325.15, dry_bulb=np.array([300.0, 308.15]), water=350e3, units=2, **COOLER,
        minimum=0.1, air_to_water=0.6, water_exponent=0.85, air_exponent=0.8,
    ),
    "thermal.rejection.chiller_cop": dict(
        evaporator_leaving=291.15, condenser_air=np.array([300.0, 318.15]), carnot_fraction=0.45,
        evaporator_approach=4.0, condenser_approach=12.0, minimum=2.0, maximum=6.0,
    ),
    "thermal.rejection.free_cooling_share": dict(
        effectiveness=0.8, return_=298.15, supply=291.15, dry_bulb=np.array([285.0, 293.15])
    ),
    "electrical.conductor.three_phase_current": dict(power=WATTS, voltage=415.0, power_factor=0.98),
    "electrical.conductor.three_phase_power": dict(current=np.array([60.0]), voltage=415.0, power_factor=0.98),
    "electrical.conductor.continuous_current": dict(rated_current=np.array([60.0, 100.0]), factor=0.8),
    "electrical.conductor.resistance": dict(
        reference_resistance=np.array([0.1, 0.2]), temperature=363.15, coefficient=0.00403
    ),
    "electrical.converter.loss_coefficients": dict(
        load_fraction=np.array([0.1, 0.5, 1.0]), efficiency=np.array([0.95, 0.975, 0.97])
    ),
    **{
        f"electrical.converter.{name}": dict(output=WATTS, rating=132e3, coefficients=SHELF)
        for name in ("loss", "input_power", "marginal_input")
    },
    "electrical.converter.output_power": dict(input_power=WATTS, rating=132e3, coefficients=SHELF),
    "electrical.redundancy.alive": dict(parent=LINE["parent"], out=np.array([False, False, True, False])),
    "electrical.redundancy.feed_shares": dict(
        alive=np.array([True, True, False, True]), load=np.array([0, 0, 0, 1]), count=2,
        reserve=np.array([False, True, False, False]),
    ),
    "electrical.transformer.series_impedance": dict(
        rating=10e6, voltage=np.array([415.0, 34.5e3]), impedance_ratio=0.08, load_loss=60e3
    ),
    "electrical.transformer.no_load_admittance": dict(
        rating=10e6, voltage=np.array([415.0, 34.5e3]), no_load_loss=9e3, no_load_current_ratio=0.002
    ),
    "electrical.transformer.loss": dict(
        apparent_power=np.array([5e5, 9e5]), rating=1e6, no_load_loss=1e3, load_loss=8e3
    ),
    "electrical.tree.depth": dict(parent=LINE["parent"]),
    "electrical.tree.incidence": dict(parent=LINE["parent"]),
    "electrical.tree.forest": dict(
        parent=LINE["parent"], resistance=np.array([0.1, 0.2, 0.01, 0.02]),
        reactance=np.array([0.2, 0.3, 0.01, 0.01]), nominal_voltage=np.array([4150.0, 4150.0, 415.0, 415.0]),
        conductance=np.full(4, 1e-4), susceptance=np.full(4, 1e-4), source_voltage_ratio=1.02,
    ),
    "electrical.tree.flow": dict(
        forest=Of("electrical.tree.forest"), power=LINE["power"], reactive=0.3 * LINE["power"],
        start=np.array([4150.0, 4150.0 - 3j, 415.0, 414.0 - 1j]), tolerance=1e-11, iterations=40,
    ),
    "electrical.tree.profile": dict(
        forest=Of("electrical.mesh.closed"), power=LINE["power"], reactive=0.3 * LINE["power"],
        tolerance=1e-11, iterations=40,
    ),
    "electrical.tree.worst": dict(
        forest=Of("electrical.mesh.closed"), power=LINE["power"], reactive=0.3 * LINE["power"],
        rating=np.full(4, 300.0), tolerance=1e-11, iterations=40,
    ),
    "electrical.mesh.closed": dict(
        forest=Of("electrical.tree.forest"), start=np.array([2]), end=np.array([3]),
        resistance=np.array([0.02]), reactance=np.array([0.01]),
    ),
}  # fmt: skip

# Numbers with a dimension stand in these, so that they hold in SI alone.
DIMENSIONAL = {
    "thermal.air.density": "gas constant of air",
    "thermal.air.pressure": "the standard atmosphere's sea level and lapse rate",
    "thermal.air.aisle": "heat capacity of air",
    "thermal.coldplate.resistance": "measured points of flow and resistance",
    "thermal.coldplate.case_temperature": "measured points of flow and resistance",
    "thermal.coldplate.power_limit": "measured points of flow and resistance",
    **{name: "fits of the coolant in degC" for name in KERNELS if name.startswith("thermal.fluid.")},
    "electrical.conductor.resistance": "reference temperature of 20 degC",
}

# Another unit for each unit of the annotations, as people of the trade write them.
ODD = {
    "K": "degF",
    "delta_degC": "delta_degF",
    "W": "hp",
    "kg/s": "lb/min",
    "m^3/s": "gpm",
    "Pa": "psi",
    "Pa*s/m^3": "psi/gpm",
    "Pa*s^2/m^6": "kPa*min^2/L^2",
    "m": "ft",
    "kg/m^3": "lb/ft^3",
    "J/kg/K": "btu/lb/delta_degF",
    "J/kg": "btu/lb",
    "W/m/K": "btu/hour/ft/delta_degF",
    "Pa*s": "mPa*s",
    "W/K": "kW/delta_degF",
    "K/W": "delta_degF/kW",
    "m/s": "ft/min",
    "var": "kvar",
    "VA": "MVA",
    "V": "kV",
    "A": "kA",
    "ohm": "mohm",
    "S": "mS",
    "1/K": "1/delta_degF",
    "rad": "deg",
    "1": "%",
}

# In the scaled system a metre reads 2, a kilogram 3, a second 5, a kelvin 7, an ampere 11, a radian itself.
SCALE = {
    "[length]": 2.0, "[mass]": 3.0, "[time]": 5.0, "[temperature]": 7.0, "[current]": 11.0, "[angle]": 1.0,
}  # fmt: skip


def unit_of(hint):
    """Unit text of a hint, or None."""
    return next(iter(getattr(strip(hint), "__metadata__", ())), None)


def strip(hint):
    """The hint without `| None`."""
    if NoneType in get_args(hint):
        return next(member for member in get_args(hint) if member is not NoneType)
    return hint


def hints_of(kernel):
    return get_type_hints(KERNELS[kernel], include_extras=True)


def change(value, hint, convert):
    """A value with `convert(number, unit)` at every number that the hint gives a unit, tuples part by part."""
    if unit_of(hint) is not None:
        return convert(value, unit_of(hint))
    if get_origin(strip(hint)) is tuple and isinstance(value, tuple):
        parts = get_args(strip(hint))
        parts = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(change(part, one, convert) for part, one in zip(value, parts, strict=True))
    return value


def plain_arguments(kernel):
    return {
        name: KERNELS[value.kernel](**plain_arguments(value.kernel)) if isinstance(value, Of) else value
        for name, value in CASES[kernel].items()
    }


def odd(value, unit):
    """The same quantity in another unit, made by pint alone; a ratio as a number, or in per cent."""
    return registry().Quantity(value, registry().parse_units(unit)).to(ODD[unit])


def aware_kernel(kernel):
    found = aware
    for part in kernel.split("."):
        found = getattr(found, part)
    return found


def aware_arguments(kernel):
    hints = hints_of(kernel)
    return {
        name: (
            aware_kernel(value.kernel)(**aware_arguments(value.kernel))
            if isinstance(value, Of)
            else change(value, hints.get(name), odd)
        )
        for name, value in CASES[kernel].items()
    }


def numbers(result, hint):
    """The results of a kernel one by one, each with its unit text: parts of tuples, fields of dataclasses."""
    hint = strip(hint)
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        parts = parts[:1] * len(result) if parts[-1] is Ellipsis else parts
        return [pair for part, one in zip(result, parts, strict=True) for pair in numbers(part, one)]
    if is_dataclass(hint):
        inside = get_type_hints(hint, include_extras=True)
        return [
            pair
            for field in fields(hint)
            if unit_of(inside[field.name])
            for pair in numbers(getattr(result, field.name), inside[field.name])
        ]
    return [(result, unit_of(hint))]


def scaled(value, unit):
    """The number that stands for a quantity in the scaled system."""
    factor = 1.0
    for dimension, power in registry().get_dimensionality(registry().parse_units(unit)).items():
        if dimension in ("[apparent_power]", "[reactive_power]"):
            factor *= scaled(1.0, "W") ** power
        else:
            factor *= SCALE[dimension] ** power
    return value * factor


DIMENSIONED = [
    (kernel, argument)
    for kernel in KERNELS
    for argument, hint in hints_of(kernel).items()
    if argument != "return" and ("tuple" in str(get_origin(strip(hint))) or unit_of(hint) not in (None, "1"))
]


def test_every_public_kernel_has_a_case_and_the_list_is_whole():
    assert set(CASES) == set(KERNELS)
    assert len(KERNELS) > 40
    assert set(DIMENSIONAL) <= set(KERNELS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_number_of_a_kernel_says_its_unit_and_every_case_gives_all(kernel):
    signature = inspect.signature(KERNELS[kernel])
    assert set(CASES[kernel]) == set(signature.parameters)
    hints = hints_of(kernel)
    assert set(hints) == {*signature.parameters, "return"} - {"self"}
    for name, hint in hints.items():
        text = str(hint)
        number = "float" in text or "complex" in text
        assert not number or "Annotated" in text, name
        # Every unit in an annotation is one of the table of odd units, also inside a tuple.
        for one in get_args(hint) if get_origin(hint) is tuple else (hint,):
            assert one is Ellipsis or unit_of(one) in {*ODD, None}


@pytest.mark.parametrize("kernel", KERNELS)
def test_odd_units_in_give_the_plain_result_with_the_annotated_unit(kernel):
    plain = KERNELS[kernel](**plain_arguments(kernel))
    given = aware_arguments(kernel)
    if "self" in given:
        given["self"] = aware_kernel(kernel.rpartition(".")[0])(given["self"])
    result = aware_kernel(kernel)(**given)
    if is_dataclass(plain):
        assert type(result).__name__ == type(plain).__name__
    hint = hints_of(kernel)["return"]
    pairs = zip(numbers(plain, hint), numbers(result, hint), strict=True)
    for (expected, unit), (got, _) in pairs:
        assert unit is None or np.all(np.isfinite(expected))
        if unit not in (None, "1"):
            assert isinstance(got, registry().Quantity)
            assert got.units == registry().parse_units(unit)
            got = got.magnitude
        assert not hasattr(got, "units")
        if hasattr(expected, "toarray"):
            expected, got = expected.toarray(), got.toarray()
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("kernel", "argument"), DIMENSIONED, ids=lambda value: value)
def test_a_wrong_dimension_or_no_unit_is_refused_by_name(kernel, argument):
    hint = hints_of(kernel)[argument]
    name = ".".join(kernel.split(".")[2:])
    given = aware_arguments(kernel)
    tupled = get_origin(strip(hint)) is tuple
    for index, part in enumerate(get_args(strip(hint)) if tupled else (hint,)):
        place = f"{argument}[{index}]" if tupled else argument

        def refused(value, *words, place=place, index=index):
            if tupled:
                value = (*given[argument][:index], value, *given[argument][index + 1 :])
            with pytest.raises(UnitError) as caught:
                aware_kernel(kernel)(**(given | {argument: value}))
            message = str(caught.value)
            assert message.startswith(f"{name}: {place}: '"), message
            for word in words:
                assert word in message

        refused(quantity(3.0, "token"), "is a number of tokens [token], expected a")
        refused(quantity([3.0, 4.0], "token"), "'3.0 token' is a number of tokens")
        refused(OTHER.Quantity(3.0, "henry"), "[henry], expected a")
        refused("3 USD", "is a cost [USD], expected a")
        refused(3.0, "has no unit; write it as '3.0 ")
        refused(np.array([3.0, 4.0]), "has no unit; give it one as in quantity(values, ")
        if unit_of(part) == "K":
            refused(quantity(3.0, "delta_degC"), "is a temperature difference", "[degC]")
        if unit_of(part) == "delta_degC":
            refused(quantity(3.0, "degC"), "expected a temperature difference [K]")


@pytest.mark.parametrize(
    ("kernel", "argument"),
    [
        (kernel, argument)
        for kernel in KERNELS
        for argument, hint in hints_of(kernel).items()
        if argument != "return" and (kernel, argument) not in DIMENSIONED
    ],
    ids=lambda value: value,
)
def test_a_quantity_is_refused_where_the_kernel_takes_a_plain_value(kernel, argument):
    given = aware_arguments(kernel) | {argument: quantity(3.0, "kW")}
    name = ".".join(kernel.split(".")[2:])
    with pytest.raises(UnitError) as caught:
        aware_kernel(kernel)(**given)
    assert str(caught.value).startswith(f"{name}: {argument}: ")


@pytest.mark.parametrize("kernel", KERNELS)
def test_in_another_system_of_units_the_results_scale_by_their_units(kernel):
    hints = hints_of(kernel)
    first = KERNELS[kernel](**plain_arguments(kernel))
    second = KERNELS[kernel](**scaled_arguments(kernel))
    pairs = list(zip(numbers(first, hints["return"]), numbers(second, hints["return"]), strict=True))

    def agree():
        for (one, unit), (other, _) in pairs:
            if unit:
                np.testing.assert_allclose(other, scaled(one, unit), rtol=1e-11)

    if kernel in DIMENSIONAL:
        with pytest.raises(AssertionError):
            agree()
    else:
        agree()


def scaled_arguments(kernel):
    hints = hints_of(kernel)
    return {
        name: (
            KERNELS[value.kernel](**scaled_arguments(value.kernel))
            if isinstance(value, Of)
            else change(value, hints.get(name), scaled)
        )
        for name, value in CASES[kernel].items()
    }


def test_the_fluids_are_there_with_units_and_can_be_handed_on():
    from twin.aware import thermal

    density = thermal.fluid.PG25.density("113 degF")
    assert density.magnitude == pytest.approx(float(PG25.density(318.15)), rel=1e-12)
    assert thermal.fluid.PG25.name == "pg25"
    for fluid in thermal.fluid.PG25, PG25, thermal.fluid.Fluid(PG25):
        out = thermal.fluid.outlet_temperature(fluid, "45 degC", "116 kW", "2.687 kg/s")
        assert out.to("degC").magnitude == pytest.approx(55.8, abs=0.05)
    with pytest.raises(UnitError, match=r"outlet_temperature: fluid: .* is not a Fluid"):
        thermal.fluid.outlet_temperature("pg25", "45 degC", "116 kW", "2.687 kg/s")


def test_a_network_result_is_frozen_and_holds_quantities():
    state = aware_kernel("electrical.tree.flow")(**aware_arguments("electrical.tree.flow"))
    assert state.voltage.to("kV").magnitude.shape == (2, 4)
    assert state.converged.all()
    for name in "voltage", "comment":
        with pytest.raises(FrozenInstanceError):
            setattr(state, name, 0.0)


def test_quantities_of_other_registries_lists_and_texts_are_read():
    from twin.aware import geometry, thermal

    result = thermal.pump.hydraulic_power(OTHER.Quantity([10, 20], "gallon/minute"), OTHER.Quantity(2, "bar"))
    np.testing.assert_allclose(result.to("W").magnitude, [126.18, 252.36], rtol=1e-4)
    boxes = geometry.row.rack_boxes(
        ["1 m", "200 cm"], "600 mm", 2, [quantity(0.6, "m"), "1.2 m", "2300 mm"], "east"
    )
    np.testing.assert_allclose(boxes.magnitude[1], [[1.0, 2.6, 0.0], [2.2, 3.2, 2.3]])
    assert (
        thermal.exchanger.scaled_conductance("3 kW/K", "100 %", quantity(100, "%"), 0.5).to("kW/K").magnitude
        == 3.0
    )


def test_what_does_not_bind_is_refused_by_the_kernels_name():
    from twin.aware import thermal

    with pytest.raises(TypeError, match="counterflow: missing a required argument: 'hot'"):
        thermal.exchanger.counterflow("5 kW/K")
    with pytest.raises(UnitError, match=r"head: coefficients: has 2 values, expected 3"):
        thermal.pump.head("1 gpm", ("1 kPa", "0 Pa*s/m3"))
    with pytest.raises(UnitError, match=r"head: coefficients: '1 kPa' is not a tuple"):
        thermal.pump.head("1 gpm", "1 kPa")
    with pytest.raises(AttributeError, match="no attribute 'plant'"):
        aware.plant  # noqa: B018


def test_infinity_and_nothing_pass_through_a_quantity():
    from twin.aware import thermal

    endless = thermal.exchanger.rated_conductance("9 kW", "303 K", "300 K", "1 kW/K", "1 kW/K")
    assert endless.magnitude == np.inf
    assert thermal.exchanger.parallelflow(endless, "1 kW/K", "3 kW/K") == pytest.approx(0.75)


def test_a_million_values_cost_what_the_arithmetic_costs():
    from twin.aware import thermal

    flow, rise = np.linspace(0.0, 0.1, 1_000_000), 1e5
    flows = quantity(flow, "m^3/s").to("gpm")

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    plain = min(seconds(lambda: thermal.pump.head.__wrapped__(flow, (rise, -1.0, -2.0))) for _ in range(5))
    curve = quantity(rise, "Pa"), quantity(-1.0, "Pa*s/m^3"), quantity(-2.0, "Pa*s^2/m^6")
    with_units = min(seconds(lambda: thermal.pump.head(flows, curve)) for _ in range(5))
    # Factor and offset are two passes more than the five of the kernel; element by element would be thousandfold.
    assert with_units < 5 * plain + 0.01


def test_pint_and_the_physics_are_imported_only_when_asked_for():
    code = (
        "import sys, twin.aware; lazy = ('pint', 'scipy', 'thermal.pump'); assert not set(lazy) & set(sys.modules);"
        "twin.aware.thermal; assert 'pint' not in sys.modules and 'electrical' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
