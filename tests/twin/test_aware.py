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

from thermal.airflow import Air
from thermal.branch import Pump, Resistance, Valve
from thermal.chiller import YORK_YK_2771
from thermal.fluid import PG25, WATER
from thermal.room import Face, faces
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
WAY = np.array([[1, 0], [2, 0], [2, 0], [3, 0]])
AIR = Air(viscosity=0.01, expansion=0.0)
KINDS = faces((3, 2, 2))
KINDS[0][0], KINDS[0][1], KINDS[0][-1] = Face.FIXED, Face.POROUS, Face.OUTLET
PER_FACE = (np.ones((4, 2, 2)), np.ones((3, 3, 2)), np.ones((3, 2, 3)))
HYDRAULIC = dict(
    network=Of("thermal.network.network"), density=1000.0, viscosity=1e-3, pressure=np.array([150e3]),
    demand=np.zeros(3), setting=np.array([1.0, 0.9, 1.0]), running=np.ones(3),
)  # fmt: skip
SHARED = dict(
    path=WAY, load=np.array([0, 0, 1, 1]), reserve=np.array([False, False, False, True]),
    power=np.array([90e3, 40e3]), capacity=np.array([200e3, 80e3, 60e3, 50e3]),
)  # fmt: skip
PHASES = 1e3 * np.array([
    [[5.0, 0, 0], [1, 0, 9], [9, 2, 0], [9, 0, 1]],
    [[9.0, 2, 3], [4, 5, 6], [7, 8, 4], [0, 9, 0]],
])  # fmt: skip
SHELF = np.array([0.004, 0.01, 0.02])
MODES = np.array([0, 1, 2])
ORDERS = np.array([5.0, 7.0, 11.0])
OIL = dict(
    rated_top_oil_rise=38.3, rated_hot_spot_rise=np.array([20.3, 22.0]), loss_ratio=6.0,
    oil_exponent=0.8, winding_exponent=1.3,
)  # fmt: skip
PLATE = dict(table=(np.array([0.5, 1.0, 2.0]) / 60e3, np.array([0.0325, 0.0245, 0.0204])))
LEAK = dict(
    inlet=K,
    power=1300.0,
    leakage=np.array([60.0, 90.0, 100.0]),
    reference=343.15,
    growth=0.02,
    resistance=0.021,
)
LAGS = dict(
    rate=np.array([0.0, 5e3, 9e3]), inlet=K + 9.0, power=2e3, time=7.0, conductance=40.0, ambient=296.0
)
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
    "geometry.row.hot_aisles": dict(
        rows=np.array([[[0.0, 0, 0], [4.8, 1.2, 2.3]], [[0, 3.0, 0], [4.8, 4.2, 2.3]]]), across=np.array([1, 1]),
        rear=np.array([1, -1]),
    ),
    "geometry.voxel.cell_edges": dict(low=0.0, high=4.0, met=np.array([1.0, 2.2]), width=0.6),
    "geometry.voxel.covered": dict(edges=np.array([0.0, 0.5, 1.0, 1.6]), low=0.6, high=1.5),
    "geometry.voxel.solid": dict(
        edges=(np.array([0.0, 0.5, 1.0, 1.6]),) * 3, boxes=np.array([[[0.0, 0.0, 0.0], [1.0, 0.5, 1.6]]])
    ),
    "thermal.air.supply_heat_index": dict(
        supply_temperature=290.0, inlet=np.array([292.0, 291.0]), outlet=np.array([302.0, 304.0]),
        flow=np.array([1.0, 2.0]),
    ),
    "thermal.air.return_heat_index": dict(
        supply_temperature=290.0, inlet=np.array([292.0, 291.0]), outlet=np.array([302.0, 304.0]),
        flow=np.array([1.0, 2.0]),
    ),
    "thermal.air.return_temperature_index": dict(
        supply_temperature=290.0, return_temperature=301.0, inlet=np.array([292.0, 291.0]),
        outlet=np.array([302.0, 304.0]), flow=np.array([1.0, 2.0]),
    ),
    "thermal.air.rack_cooling_index": dict(inlet=np.array([295.0, 302.0]), recommended=300.0, allowable=304.0),
    "thermal.air.density": dict(temperature=K, pressure=101325.0),
    "thermal.air.pressure": dict(altitude=np.array([20.0, 1500.0])),
    "thermal.air.aisle": dict(
        supply_temperature=297.15, supply_flow=np.array([8.0, 12.0]), rack_flow=10.0, heat=100e3, leakage=0.05
    ),
    "thermal.chiller.capacity": dict(chiller=YORK_YK_2771, leaving=np.array([278.0, 281.0]), entering=297.0),
    "thermal.chiller.electrical_power": dict(
        chiller=YORK_YK_2771, duty=np.array([0.3e6, 2e6]), leaving=np.array([278.0, 281.0]), entering=297.0
    ),
    "thermal.chiller.temperature_margin": dict(
        chiller=YORK_YK_2771, leaving=np.array([278.0, 290.0]), entering=297.0
    ),
    "thermal.chiller.load_margin": dict(
        chiller=YORK_YK_2771, duty=np.array([0.3e6, 2e6]), leaving=278.0, entering=297.0
    ),
    "thermal.chiller.economiser_share": dict(
        conductance=90e3, chilled=np.array([50e3, 70e3]), tower=60e3, return_=297.15, supply=289.15,
        tower_supply=291.15,
    ),
    "thermal.coldplate.resistance": dict(flow=np.array([1.1, 1.7]) / 60e3, **PLATE),
    "thermal.coldplate.case_temperature": dict(inlet=K, power=1400.0, flow=1.7 / 60e3, **PLATE),
    "thermal.coldplate.power_limit": dict(inlet=K, case_limit=348.15, flow=1.7 / 60e3, **PLATE),
    "thermal.coldplate.worst_resistance": dict(
        flow=np.array([1.1, 1.7]) / 60e3, spread=0.1, tolerance=0.05, fouling=0.001, **PLATE
    ),
    "thermal.coldplate.worst_case_temperature": dict(
        inlet=K, power=np.array([900.0, 1000.0]), flow=1.7 / 60e3, rate=113.0, spread=0.1, tolerance=0.05,
        fouling=0.001, **PLATE,
    ),
    "thermal.coldplate.series_inlet": dict(inlet=K, power=np.array([900.0, 1000.0]), rate=113.0),
    "thermal.coldplate.preheat": dict(rate=np.array([70.0, 113.0]), ahead=2.0),
    "thermal.coldplate.mean_resistance": dict(
        flow=np.array([1.1, 1.7]) / 60e3, rate=113.0, series=3.0, fouling=0.001, **PLATE
    ),
    "thermal.coldplate.leaked_power": dict(
        temperature=np.array([320.0, 340.0]), leakage=168.0, reference=333.15, growth=0.0143
    ),
    "thermal.coldplate.tray_flow": dict(flow=0.002, drop=np.array([40e3, 44e3, 50e3]), exponent=1.85),
    "thermal.coldplate.leaking_power": LEAK,
    "thermal.coldplate.runaway_margin": LEAK,
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
    "thermal.pump.flow": dict(
        pressure_rise=np.array([150e3, 250e3]), coefficients=(300e3, -1e5, -2e8), speed=0.9
    ),
    "thermal.pump.hydraulic_power": dict(volume_flow=0.04, pressure_rise=np.array([1e5, 2e5])),
    "thermal.pump.electrical_power": dict(volume_flow=0.04, pressure_rise=1e5, efficiency=0.6),
    "thermal.pump.fan_power": dict(rated_power=8e3, flow_ratio=np.array([0.1, 0.5]), minimum_ratio=0.3),
    **{
        f"thermal.psychrometrics.{name}": dict(temperature=K, pressure=95e3)
        for name in ("saturated_humidity", "saturated_enthalpy")
    },
    "thermal.psychrometrics.saturation_pressure": dict(temperature=K),
    "thermal.psychrometrics.humidity": dict(temperature=K, relative_humidity=0.4, pressure=95e3),
    "thermal.psychrometrics.relative_humidity": dict(temperature=K, humidity_ratio=0.008, pressure=95e3),
    "thermal.psychrometrics.dew_point": dict(humidity_ratio=np.array([0.004, 0.01]), pressure=95e3),
    "thermal.psychrometrics.humidity_of_wet_bulb": dict(temperature=K, wet_bulb=288.15, pressure=95e3),
    "thermal.psychrometrics.wet_bulb": dict(temperature=K, humidity_ratio=0.008, pressure=95e3),
    "thermal.psychrometrics.enthalpy": dict(temperature=K, humidity_ratio=0.008),
    "thermal.psychrometrics.saturated_temperature": dict(enthalpy=np.array([50e3, 120e3]), pressure=95e3),
    "thermal.psychrometrics.density": dict(temperature=K, humidity_ratio=0.008, pressure=95e3),
    "thermal.psychrometrics.condensation_margin": dict(
        surface=K - 3.0, temperature=K, relative_humidity=0.4, pressure=95e3
    ),
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
    "thermal.tower.merkel_number": dict(
        water_in=313.15, water_out=np.array([302.15, 304.15]), wet_bulb=297.15, water_to_air=1.2, pressure=95e3
    ),
    "thermal.tower.scaled_merkel_number": dict(
        rated=1.4, water_ratio=np.array([0.7, 1.0]), air_ratio=0.5, exponent=0.55
    ),
    "thermal.tower.leaving_temperature": dict(
        water_in=313.15, wet_bulb=np.array([290.15, 297.15]), water_to_air=1.2, number=1.4, pressure=95e3
    ),
    "thermal.tower.balanced_temperature": dict(
        inlet=np.array([318.15, 321.15]), resistance=1e-5, rate=4e5, added=2e4, wet_bulb=297.15, water_to_air=1.2,
        number=1.4, pressure=95e3,
    ),
    "thermal.tower.air_ratio": dict(
        water_in=313.15, target=303.15, wet_bulb=np.array([290.15, 295.15]), water_ratio=0.9, rated_water_to_air=1.2,
        rated_number=1.467, pressure=95e3, minimum=0.1, exponent=0.55,
    ),
    "thermal.tower.evaporation": dict(
        water=100.0, air=np.array([60.0, 80.0]), water_in=313.15, water_out=303.15, temperature=308.15,
        humidity_ratio=0.0142, pressure=95e3,
    ),
    "thermal.tower.water_use": dict(evaporation=1.5, water=np.array([80.0, 100.0]), cycles=4.0, drift_share=1e-4),
    "thermal.tower.precooled": dict(
        temperature=308.15, humidity_ratio=0.0142, effectiveness=np.array([0.0, 0.8]), air=50.0, pressure=95e3
    ),
    "thermal.transport.filled": dict(capacity=np.array([4e4, 6e4, 9e4]), temperature=K),
    "thermal.transport.mean_temperature": dict(contents=Of("thermal.transport.filled")),
    "thermal.transport.pipe": dict(
        contents=Of("thermal.transport.filled"), inlet=315.0, rate=np.array([0.0, 7e3, 3e4]), time=5.0,
        conductance=900.0, ambient=296.0,
    ),
    "thermal.transport.node": dict(
        temperature=K, capacity=460.0, conductance=47.0, reference=K + 1.0, power=1e3, time=4.0
    ),
    "thermal.transport.tank": dict(temperature=K, capacity=8e4, **LAGS),
    "thermal.transport.exchanger": dict(
        hot=K + 9.0, cold=K, hot_capacity=8e4, cold_capacity=7e4, hot_rate=9e3, cold_rate=8e3, hot_inlet=K + 20.0,
        cold_inlet=K - 3.0, effectiveness=0.8, time=5.0,
    ),
    "thermal.transport.run_down_time": dict(inertia=0.5, speed=300.0, power=np.array([2e4, 3e4])),
    "thermal.transport.coasted": dict(speed=np.array([0.5, 1.0]), run_down=2.0, time=3.0),
    "thermal.transport.stroked": dict(position=np.array([0.2, 0.9]), target=1.0, stroke=120.0, time=30.0),
    "electrical.ageing.top_oil_rise": dict(
        load_ratio=np.array([0.3, 1.2]), rated_rise=38.3, loss_ratio=6.0, exponent=0.8
    ),
    "electrical.ageing.hot_spot_rise": dict(load_ratio=np.array([0.3, 1.2]), rated_rise=20.3, exponent=1.3),
    "electrical.ageing.temperatures": dict(
        load_ratio=np.array([[0.3, 1.2, 0.6], [1.0, 0.0, 2.0]]), ambient=np.array([290.0, 295.0, 300.0]),
        step=np.array([600.0, 60.0, 3600.0]), **OIL, oil_time_constant=np.array([9000.0, 12600.0]),
        winding_time_constant=420.0, k11=0.5, k21=2.0, k22=2.0,
        start=(np.array([300.0, 310.0]), 40.0, np.array([20.0, 15.0])),
    ),
    "electrical.ageing.permitted_load": dict(hot_spot=371.15, ambient=np.array([290.0, 313.0]), **OIL),
    "electrical.ageing.ageing_rate": dict(hot_spot=np.array([363.15, 371.15])),
    "electrical.ageing.upgraded_ageing_rate": dict(hot_spot=np.array([363.15, 383.15])),
    "electrical.ageing.loss_of_life": dict(rate=np.array([[1.0, 2.0], [0.1, 4.0]]), step=3600.0),
    "electrical.ageing.equivalent_ageing": dict(rate=np.array([[1.0, 2.0], [0.1, 4.0]]), step=3600.0),
    "electrical.conductor.three_phase_current": dict(power=WATTS, voltage=415.0, power_factor=0.98),
    "electrical.conductor.three_phase_power": dict(current=np.array([60.0]), voltage=415.0, power_factor=0.98),
    "electrical.conductor.continuous_current": dict(rated_current=np.array([60.0, 100.0]), factor=0.8),
    "electrical.conductor.resistance": dict(
        reference_resistance=np.array([0.1, 0.2]), temperature=363.15, coefficient=0.00403
    ),
    "electrical.conductor.section_for_density": dict(current=np.array([60.0, 800.0]), current_density=2e6),
    "electrical.conductor.section_for_loss": dict(
        current=np.array([60.0, 800.0]), length=40.0, loss=2e3, conductors=2, resistivity=1.9e-8
    ),
    "electrical.conductor.conductor_mass": dict(
        section=np.array([1e-4, 8e-4]), length=40.0, conductors=3, density=8890.0
    ),
    "electrical.direct.line_voltage": dict(source=800.0, resistance=2e-3, power=WATTS),
    "electrical.direct.power_limit": dict(source=np.array([54.0, 800.0]), resistance=2e-3),
    "electrical.direct.network": dict(
        parent=LINE["parent"], resistance=np.array([0.0, 2e-3, 1e-2, 2e-2]), nominal_voltage=800.0,
        source_voltage_ratio=1.02,
    ),
    "electrical.direct.flow": dict(
        forest=Of("electrical.direct.network"), power=LINE["power"], tolerance=1e-13, iterations=400
    ),
    "electrical.direct.busbar": dict(
        resistance=np.array([1e-5, 2e-5]), source_voltage=np.array([54.5, 54.5, 54.0]),
        source_resistance=np.array([1e-3, 2e-3, 1e-3]), power=np.array([[1e4, 3e4, 2e4], [0.0, 1e4, 0.0]]),
        tolerance=1e-12, iterations=40,
    ),
    "electrical.direct.bipolar": dict(
        source=400.0, pole_resistance=1e-3, neutral_resistance=2e-3, power=np.array([[8e4, 3e5], [0.0, 1e4]]),
        tolerance=1e-12, iterations=40,
    ),
    "electrical.conductor.ambient_factor": dict(ambient=K, limit=363.15, reference=303.15),
    "electrical.conductor.grouping_factor": dict(circuits=np.array([1, 5, 14]), arrangement="tray"),
    "electrical.conductor.ampacity": dict(
        tabulated=np.array([382.0, 450.0]), ambient_factor=0.91, grouping_factor=0.8, parallel=2.0
    ),
    "electrical.conductor.temperature": dict(
        current=np.array([100.0, 300.0]), ampacity=400.0, ambient=308.15, limit=363.15
    ),
    "electrical.conductor.voltage_drop": dict(
        current=np.array([100.0, 300.0]), resistance=0.01, reactance=0.008, power_factor=0.95
    ),
    "electrical.conductor.voltage_drop_ratios": dict(
        parent=LINE["parent"], voltage=np.array([415.0, 410.0, 404.0, 401.0]), nominal_voltage=415.0
    ),
    "electrical.converter.loss_coefficients": dict(
        load_fraction=np.array([0.1, 0.5, 1.0]), efficiency=np.array([0.95, 0.975, 0.97])
    ),
    **{
        f"electrical.converter.{name}": dict(output=WATTS, rating=132e3, coefficients=SHELF)
        for name in ("loss", "input_power", "marginal_input")
    },
    "electrical.converter.output_power": dict(input_power=WATTS, rating=132e3, coefficients=SHELF),
    "electrical.converter.linear_coefficients": dict(
        constant=np.array([13.0, 17.0]), efficiency=np.array([0.98, 0.96]), rating=3e3
    ),
    "electrical.converter.active_modules": dict(
        output=WATTS, rating=33e3, modules=np.array([4, 6, 8]), coefficients=SHELF, least=2
    ),
    "electrical.converter.staged_modules": dict(output=WATTS, threshold=13670.0, modules=np.array([4, 8, 8])),
    "electrical.converter.shed_output_power": dict(
        input_power=WATTS, rating=33e3, modules=8, coefficients=SHELF, least=2
    ),
    "electrical.ups.mode_coefficients": dict(mode=MODES, double_conversion=SHELF, eco=0.5 * SHELF),
    "electrical.ups.utility_power": dict(
        output=WATTS, rating=132e3, mode=MODES, double_conversion=SHELF, eco=0.5 * SHELF
    ),
    "electrical.ups.battery_power": dict(output=WATTS, rating=132e3, mode=MODES, inverter=SHELF),
    "electrical.ups.carried": dict(
        needed=WATTS, available=np.array([0.0, 80e3, 150e3]), recharge=10e3, energy=3e6, full=4e6,
        efficiency=0.95, time=10.0,
    ),
    "electrical.ups.hold_up": dict(energy=np.array([3e6, 5e7]), power=90e3),
    "electrical.ups.discharge_time": dict(
        power=np.array([6e4, 3e5]), rated_power=2e5, rated_time=300.0, exponent=1.2
    ),
    "electrical.ups.shelf_hold_up": dict(output=WATTS, rating=5.5e3, modules=np.array([24, 36, 48]), rated_time=0.02),
    "electrical.ups.spare_modules": dict(output=WATTS, rating=5.5e3, modules=np.array([24, 36, 48])),
    "electrical.harmonics.summation_exponent": dict(order=ORDERS),
    "electrical.harmonics.pulse_spectrum": dict(order=ORDERS, pulses=12),
    "electrical.harmonics.impedance": dict(forest=Of("electrical.tree.forest"), order=ORDERS),
    "electrical.harmonics.penetration": dict(
        forest=Of("electrical.tree.forest"), current=np.array([[0.0, 1.0, 90.0, 40.0], [0.0, 0.0, 0.0, 70.0]]),
        spectrum=np.array([0.2, 0.1, 0.05]), order=ORDERS, exponent=np.array([1.4, 1.4, 2.0]),
    ),
    "electrical.harmonics.phasor_voltage": dict(
        forest=Of("electrical.tree.forest"), current=np.full((4, 3), 20.0 - 5.0j), order=ORDERS
    ),
    "electrical.harmonics.voltage_distortion": dict(harmonic=np.array([[5.0, 3.0], [9.0, 0.0]]), fundamental=415.0),
    "electrical.harmonics.demand_distortion": dict(harmonic=np.array([[5.0, 3.0], [9.0, 0.0]]), demand=90.0),
    "electrical.harmonics.demand_limit": dict(short_circuit_ratio=np.array([15.0, 60.0])),
    "electrical.harmonics.current_limits": dict(short_circuit_ratio=np.array([15.0, 60.0]), order=ORDERS),
    "electrical.harmonics.voltage_limits": dict(nominal_voltage=np.array([415.0, 34.5e3])),
    "electrical.harmonics.k_factor": dict(current_ratio=np.array([1.0, 0.2, 0.1]), order=np.array([1, 5, 7])),
    "electrical.harmonics.loss_factor": dict(
        current=np.array([60.0, 20.0, 10.0]), order=np.array([1, 5, 7]), exponent=0.8
    ),
    "electrical.harmonics.load_loss": dict(
        current_ratio=np.array([0.5, 1.1]), ohmic=7e3, eddy=1e3, stray=5e2, eddy_factor=4.0, stray_factor=1.2
    ),
    "electrical.harmonics.permitted_current": dict(
        eddy=np.array([0.1, 0.15]), stray=0.1, eddy_factor=4.0, stray_factor=1.2
    ),
    "electrical.harmonics.resonance_order": dict(short_circuit_power=np.array([5e7, 1e8]), capacitor_power=2e6),
    "electrical.contingency.paths": dict(
        parent=LINE["parent"], node_device=np.array([0, 1, -1, 2]), node=np.array([2, 3])
    ),
    "electrical.contingency.only_source": dict(parent=LINE["parent"], node_device=np.array([0, 1, -1, 2])),
    "electrical.contingency.independent_feeds": dict(
        path=WAY, load=np.array([0, 0, 1, 1]), count=2, common=np.array([0])
    ),
    "electrical.contingency.shared_devices": dict(path=WAY, load=np.array([0, 0, 1, 1]), common=np.array([0])),
    "electrical.contingency.states": dict(candidates=np.array([1, 2, 3]), order=2),
    "electrical.contingency.after": dict(**SHARED, out=np.array([[-1], [1], [3]])),
    "electrical.contingency.shortfall": dict(
        path=WAY, load=np.array([0, 0, 1, 1]), needs=np.array([[0], [1]]), weight=np.array([1.0, 2.0]),
        common=np.array([0]), candidates=np.array([1, 2, 3]), order=2, fewer_than=1,
    ),
    "electrical.contingency.overloads": dict(**SHARED, candidates=np.array([1, 2, 3]), order=2),
    "electrical.fault.peak_factor": dict(resistance=np.array([0.01, 0.2]), reactance=0.1),
    "electrical.fault.mesh_peak_factor": dict(mesh=Of("electrical.impedance.mesh"), equivalent_frequency_ratio=0.4),
    "electrical.fault.direct_current_heat": dict(
        peak_ratio=np.array([1.2, 1.8]), duration=0.3, frequency=60.0
    ),
    "electrical.fault.alternating_current_heat": dict(steady_ratio=np.array([1.1, 3.0]), duration=0.3),
    "electrical.fault.direct_current": dict(
        three_phase=np.array([20e3, 60e3]), resistance=0.01, reactance=0.1, time=0.04, frequency=50.0
    ),
    "electrical.fault.breaking_ratio": dict(current_ratio=np.array([1.5, 5.0]), delay=0.07),
    "electrical.fault.fault": dict(
        nominal_voltage=np.array([34.5e3, 415.0]), resistance=np.array([0.09, 0.0002]),
        reactance=np.array([0.9, 0.0015]), factor=1.1, zero_resistance=np.array([0.3, 0.0005]),
        zero_reactance=np.array([1.2, 0.002]), peak_ratio=np.array([1.7, 1.6]), duration=0.5, frequency=50.0,
        steady_ratio=1.5,
    ),
    "electrical.fault.ups_current": dict(
        rated_current=1e3, bypass_current=np.array([20e3]), time=np.array([0.05, 0.3]), limit_ratio=2.5, hold=0.1
    ),
    "electrical.fault.converter_current": dict(
        parent=LINE["parent"], resistance=np.array([0.1, 0.2, 0.01, 0.02]), reactance=np.full(4, 0.1),
        nominal_voltage=np.array([4150.0, 4150.0, 415.0, 415.0]), injected=np.array([0.0, 0.0, 900.0, 0.0]),
    ),
    "electrical.impedance.maximum_voltage_factor": dict(
        nominal_voltage=np.array([415.0, 34.5e3]), tolerance=0.06
    ),
    "electrical.impedance.minimum_voltage_factor": dict(
        nominal_voltage=np.array([415.0, 34.5e3]), tolerance=0.1
    ),
    "electrical.impedance.grid_impedance": dict(
        short_circuit_power=np.array([1e9, 2e9]), voltage=34.5e3, resistance_ratio=0.1, factor=1.1
    ),
    "electrical.impedance.transformer_correction": dict(reactance_ratio=np.array([0.06, 0.08]), factor=1.1),
    "electrical.impedance.generator_reactance": dict(
        rating=np.array([2e6, 3e6]), voltage=415.0, subtransient_ratio=0.12
    ),
    "electrical.impedance.generator_peak_resistance_ratio": dict(
        rating=np.array([2.5e6, 2e8]), voltage=np.array([415.0, 21e3])
    ),
    "electrical.impedance.generator_correction": dict(
        nominal_voltage=415.0, rated_voltage=np.array([415.0, 430.0]), subtransient_ratio=0.12,
        power_factor=0.8, factor=1.1, excess_voltage=0.05,
    ),
    "electrical.impedance.unit_correction": dict(
        nominal_voltage=110e3, rated_voltage=10.5e3, transformer_ratio=np.array([11.0, 12.0]),
        subtransient_ratio=0.16, power_factor=0.9, factor=1.1, excess_voltage=0.075, tap_range=0.05,
    ),
    "electrical.impedance.regulated_unit_correction": dict(
        nominal_voltage=110e3, rated_voltage=21e3, transformer_ratio=np.array([5.0, 5.5]),
        subtransient_ratio=0.14, transformer_reactance_ratio=0.16, power_factor=0.85, factor=1.1,
    ),
    "electrical.impedance.motor_impedance": dict(
        rating=np.array([1e5, 2e5]), voltage=400.0, starting_ratio=5.0, resistance_ratio=0.42
    ),
    "electrical.impedance.path_impedance": dict(
        parent=LINE["parent"], resistance=np.array([0.1, 0.2, 0.01, 0.02]), reactance=np.full(4, 0.1),
        nominal_voltage=np.array([4150.0, 4150.0, 415.0, 415.0]),
    ),
    "electrical.impedance.mesh": dict(
        start=np.array([0, 1, 0]), end=np.array([1, 2, 2]), resistance=np.array([0.1, 0.2, 0.01]),
        reactance=np.array([0.4, 0.5, 0.03]), source=np.array([0, 2]), source_resistance=np.array([0.1, 0.01]),
        source_reactance=np.array([1.0, 0.02]), count=3, ratio=np.array([1.0, 10.0, 10.0]),
    ),
    "electrical.impedance.mesh_impedance": dict(mesh=Of("electrical.impedance.mesh"), frequency_ratio=0.9),
    "electrical.protection.inverse_time": dict(
        current=np.array([300.0, 900.0]), pickup=100.0, dial=0.3, curve="IEEE very inverse", largest_ratio=30.0
    ),
    "electrical.protection.trip_unit": dict(
        long_pickup=np.array([[1e3], [2e3]]), long_early=12.0, long_late=15.0, short_pickup=8e3, short_early=0.1,
        short_late=0.2, short_knee=1e4, instantaneous_pickup=15e3, instantaneous_early=0.01,
        instantaneous_late=0.05, pickup_tolerance=0.1,
    ),
    "electrical.protection.earliest_trip": dict(
        unit=Of("electrical.protection.trip_unit"), current=np.array([3e3, 9e3, 20e3])
    ),
    "electrical.protection.borne_current": dict(
        unit=Of("electrical.protection.trip_unit"), duration=np.array([0.05, 3.0, 400.0])
    ),
    "electrical.protection.latest_trip": dict(
        unit=Of("electrical.protection.trip_unit"), current=np.array([3e3, 9e3, 20e3])
    ),
    "electrical.protection.tabulated_time": dict(
        current=np.array([150.0, 700.0]), curve_current=np.array([100.0, 200.0, 1e3]),
        curve_time=np.array([100.0, 10.0, 0.1]),
    ),
    "electrical.protection.clearing_time": dict(
        trip_time=np.array([[0.3, 0.1], [0.4, 0.6]]), breaking_time=np.array([0.05, 0.08])
    ),
    "electrical.protection.selectivity": dict(
        current=np.array([1e3, 2e3, 4e3]), upstream=np.array([[9.0, 2.0, 0.2], [9.0, 2.0, 0.1]]),
        downstream=np.array([1.0, 0.4, 0.15]), fault=np.array([4e3, 3e3]), required=0.02,
    ),
    "electrical.protection.let_through": dict(thermal_current=np.array([1e4, 2e4]), duration=0.3),
    "electrical.protection.withstand_density": dict(
        initial=np.array([343.15, 363.15]), final=523.15, conductor="aluminium"
    ),
    "electrical.protection.withstand": dict(density=143e6**2, section=np.array([95e-6, 120e-6])),
    "electrical.protection.short_time_margin": dict(
        load_ratio=1.3, duration=np.array([10.0, 60.0]), rating_duration=np.array([30.0, 600.0]),
        rating_ratio=np.array([1.4, 1.2]), continuous_ratio=1.0, between="curve",
    ),
    "electrical.protection.heating_ratio": dict(
        peak_ratio=1.5, base_ratio=0.8, duration=np.array([0.1, 0.2]), period=1.0
    ),
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
    "electrical.unbalanced.network": dict(
        parent=LINE["parent"], resistance=np.array([2.0, 0.5, 0.01, 0.02]),
        reactance=np.array([3.0, 0.5, 0.01, 0.01]), nominal_voltage=np.array([4150.0, 4150.0, 415.0, 415.0]),
        zero_resistance=np.array([3.0, 0.9, 0.03, 0.05]), zero_reactance=np.array([5.0, 0.9, 0.04, 0.05]),
        conductance=np.full(4, 1e-4), susceptance=np.full(4, 1e-4), zero_conductance=np.full(4, 1e-5),
        zero_susceptance=np.full(4, 2e-5), source_voltage_ratio=1.02, clock=np.array([0, 0, 0, 6]),
        cut=np.array([False, False, False, False]), between=np.array([False, True, False, False]),
        coupled=np.array([1]), phase_resistance=np.array([[[0.5, 0.1, 0.2], [0.1, 0.6, 0.1], [0.2, 0.1, 0.7]]]),
        phase_reactance=np.array([[[0.8, 0.3, 0.2], [0.3, 0.7, 0.4], [0.2, 0.4, 0.9]]]),
    ),
    "electrical.unbalanced.flow": dict(
        network=Of("electrical.unbalanced.network"), power=PHASES, reactive=0.3 * PHASES, tolerance=1e-13,
        iterations=40,
    ),
    "electrical.unbalanced.extremes": dict(
        network=Of("electrical.unbalanced.network"), power=PHASES, reactive=0.3 * PHASES, tolerance=1e-13,
        iterations=40,
    ),
    "electrical.tree.profile": dict(
        forest=Of("electrical.mesh.closed"), power=LINE["power"], reactive=0.3 * LINE["power"],
        tolerance=1e-11, iterations=40,
    ),
    "electrical.tree.worst": dict(
        forest=Of("electrical.mesh.closed"), power=LINE["power"], reactive=0.3 * LINE["power"],
        rating=np.full(4, 300.0), tolerance=1e-11, iterations=40,
    ),
    "thermal.branch.flow_area_kv": dict(kv=np.array([3.6, 36.0])),
    "thermal.branch.flow_area_cv": dict(cv=np.array([3.6, 36.0])),
    "thermal.network.network": dict(
        branches=[
            Pump([0], [1], (2e5, 0.0, -2e8)),
            Valve([1], [2], [2e-3]),
            Resistance([2], [0], 1e5, 20.0, 2.0),
        ],
        fixed=np.array([0]), elevation=np.array([0.0, 0.5, 1.0]), nodes=3, gravity=9.81,
    ),
    "thermal.hydraulics.solve": HYDRAULIC | dict(start=np.array([10.0, 10.0, 10.0]), tolerance=1e-11, passes=50),
    "thermal.hydraulics.pressure_drop": dict(
        network=Of("thermal.network.network"), state=Of("thermal.hydraulics.solve")
    ),
    "thermal.hydraulics.authority": HYDRAULIC,
    "thermal.hydraulics.findings": HYDRAULIC,
    "thermal.poisson.hierarchy": dict(
        x=np.array([0.0, 0.3, 0.2, 0.4, 0.1]).reshape(5, 1, 1), y=np.zeros((4, 2, 1)), z=np.zeros((4, 1, 2)),
    ),
    "thermal.poisson.change": dict(
        hierarchy=Of("thermal.poisson.hierarchy"), axis=0, place=np.array([[2, 0, 0]]), coefficient=np.array([0.2]),
    ),
    "thermal.poisson.renew": dict(hierarchy=Of("thermal.poisson.hierarchy")),
    # Without an iteration the residual is of the guess; after some it is rounding, which has no unit.
    "thermal.poisson.solve": dict(
        hierarchy=Of("thermal.poisson.hierarchy"), source=np.array([1.0, -0.5, 0.0, 0.7]).reshape(4, 1, 1),
        guess=np.array([2.0, 1.0, 1.0, 3.0]).reshape(4, 1, 1), tolerance=1e-6, most=0, bound=1e-3,
    ),
    "thermal.room.faces": dict(cells=(3, 2, 2), solid=np.zeros((3, 2, 2), dtype=bool)),
    "thermal.room.room": dict(
        edges=(np.array([0.0, 0.4, 0.9, 1.5]), np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.6, 1.0])),
        kinds=KINDS, solid=np.zeros((3, 2, 2), dtype=bool), loss=PER_FACE, jet=PER_FACE,
    ),
    "thermal.room.Room.of_cells": dict(self=Of("thermal.room.room"), values=np.arange(252)),
    "thermal.room.Room.of_faces": dict(self=Of("thermal.room.room"), axis=1, values=np.arange(252)),
    "thermal.airflow.still": dict(room=Of("thermal.room.room"), temperature=295.0),
    "thermal.airflow.State.ahead": dict(self=Of("thermal.airflow.still"), time=0.1),
    "thermal.airflow.time_step": dict(
        room=Of("thermal.room.room"), air=AIR, state=Of("thermal.airflow.still"), share=0.9
    ),
    "thermal.airflow.step": dict(
        room=Of("thermal.room.room"), air=AIR, state=Of("thermal.airflow.still"),
        entering=(np.full(252, 290.0),) * 3, time=0.2, tolerance=1e-3, most=50, fixed=(np.zeros(252),) * 3, bound=1e-4,
    ),
    "thermal.airflow.ready": dict(
        room=Of("thermal.room.room"), share=(np.zeros(0), np.zeros(0), np.array([0.9, 0.5, 0.2, 0.7]))
    ),
    "thermal.fan.fan": dict(
        room=Of("thermal.room.room"), axis=0, inlet=[(0, 0, 0)], outlet=[(0, 1, 1)], curve=(40.0, -20.0, -3000.0),
        settling=0.2, speed=0.9, forward=True,
    ),
    "thermal.fan.flow": dict(fan=Of("thermal.fan.fan"), state=Of("thermal.airflow.still")),
    "thermal.fan.rise": dict(fan=Of("thermal.fan.fan"), state=Of("thermal.airflow.still"), density=1.2),
    "thermal.fan.aim": dict(fan=Of("thermal.fan.fan"), state=Of("thermal.airflow.still"), density=1.2),
    "thermal.fan.turn": dict(
        fan=Of("thermal.fan.fan"), state=Of("thermal.airflow.still"), density=1.2, time=0.02,
        fixed=(np.zeros(252), np.zeros(252), np.zeros(252)),
    ),
    "thermal.tile.loss_coefficient": dict(open_share=np.array([0.25, 0.56])),
    "thermal.tile.open_share": dict(loss=np.array([0.5, 42.8])),
    "thermal.tile.leak_coefficient": dict(open_share=np.array([0.01, 0.02]), discharge=0.6),
    "thermal.frozen.stream": dict(
        edges=(np.array([0.0, 0.4, 0.9, 1.5]), np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.6, 1.0])),
        kinds=Of("thermal.room.faces"),
        velocity=(
            np.full((4, 2, 2), 0.3) * [[1.0], [-1.0]],
            np.tile([[[-0.3]], [[0.1]], [[0.2]]], (1, 3, 2)), np.full((3, 2, 3), 0.2),
        ),
    ),
    "thermal.frozen.warmth": dict(
        stream=Of("thermal.frozen.stream"), given=np.linspace(0.0, 1.1, 12).reshape(3, 2, 2), tolerance=1e-9, most=8
    ),
    "thermal.line.filled": dict(mass=np.array([10.0, 20.0]), enthalpy=np.array([5e4, 6e4])),
    "thermal.line.pushed": dict(
        line=Of("thermal.line.filled"), mass=np.array([1.0, 25.0]), enthalpy=np.array([7e4, 8e4])
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
    **{
        f"thermal.chiller.{name}": "curves in degC"
        for name in ("capacity", "electrical_power", "temperature_margin", "load_margin")
    },
    **{
        name: "properties of moist air in degC"
        for name in KERNELS
        if name.startswith("thermal.psychrometrics.")
    },
    **{
        f"thermal.tower.{name}": "properties of moist air and water"
        for name in (
            "merkel_number",
            "leaving_temperature",
            "balanced_temperature",
            "air_ratio",
            "evaporation",
            "precooled",
        )
    },
    **{
        f"thermal.{name}": "branches stand in SI, Kv and Cv in the units of data sheets"
        for name in (
            "branch.flow_area_kv",
            "branch.flow_area_cv",
            "hydraulics.solve",
            "hydraulics.pressure_drop",
            "hydraulics.authority",
        )
    },
    "thermal.airflow.time_step": "viscosity of the air",
    **{name: "fits of the coolant in degC" for name in KERNELS if name.startswith("thermal.fluid.")},
    "electrical.conductor.resistance": "reference temperature of 20 degC",
    "electrical.harmonics.voltage_limits": "classes of voltage of the standard",
    "electrical.ageing.ageing_rate": "98 degC and the rule of 6 K",
    "electrical.ageing.upgraded_ageing_rate": "110 degC and the activation energy",
    "electrical.fault.alternating_current_heat": "time constant of the machines of the curves",
    "electrical.fault.breaking_ratio": "delays of the curves",
    "electrical.fault.fault": "time constant of the machines of the curves",
    "electrical.impedance.maximum_voltage_factor": "1 kV between low and medium voltage",
    "electrical.impedance.minimum_voltage_factor": "1 kV between low and medium voltage",
    "electrical.impedance.generator_peak_resistance_ratio": "1 kV and 100 MVA between classes",
    "electrical.protection.inverse_time": "constants of the curves",
    "electrical.protection.withstand_density": "properties of the metals",
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
    "m^2/s": "ft^2/min",
    "m^2/s^2": "ft^2/min^2",
    "K*m^3/s": "delta_degF*gpm",
    "m/s": "ft/min",
    "m/s^2": "ft/s^2",
    "var": "kvar",
    "VA": "MVA",
    "V": "kV",
    "A": "kA",
    "ohm": "mohm",
    "S": "mS",
    "1/K": "1/delta_degF",
    "s": "hour",
    "J": "kWh",
    "J/K": "btu/delta_degF",
    "kg*m^2": "lb*ft^2",
    "rad/s": "rpm",
    "m^2": "inch^2",
    "kg": "lb",
    "A/m^2": "A/inch^2",
    "ohm*m": "mohm*inch",
    "Hz": "1/minute",
    "A^2*s": "kA^2*minute",
    "A^2*s/m^4": "A^2*s/mm^4",
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
