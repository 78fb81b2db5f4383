"""The liquid-cooled plant of the Modelica Buildings library: its design point and its cold plate.

Lawrence Berkeley National Laboratory, Buildings library, liquid-cooled data centre examples; the numbers are those of
its reference results: ChillerWSEDesignConditionsGlycol (last state, at 3,600 s) and CaseTemperature.
"""

import numpy as np
import pytest

from thermal import coldplate, exchanger, rejection, transport

CELSIUS = 273.15
LOAD = 1e6
# All loops are laid out for 5 K: racks 45/50, plant 42/47, coolers 39/44 degC, dry bulb 36 degC.
STREAM = LOAD / 5
DRY_BULB = CELSIUS + 36
# Reference results [K]: racks' inlet and return, plant to and from the CDU, coolers' outlet and inlet
REFERENCE = np.array([318.1500, 323.1500, 315.1511, 320.1530, 312.1500, 317.1500])


def components():
    """Rating of the CDU, effectiveness of the economiser, and duty of the coolers per kelvin."""
    cdu = exchanger.rated_conductance(LOAD, CELSIUS + 50, CELSIUS + 42, STREAM, STREAM)
    economiser = LOAD / (STREAM * (47 - 39))
    rated = rejection.rated_dry_cooler_conductance(LOAD, CELSIUS + 44, CELSIUS + 39, DRY_BULB, STREAM)
    return cdu, economiser, rated


def test_design_point_from_the_dry_bulb_inwards() -> None:
    cdu, economiser, rated = components()
    coolers_in = DRY_BULB + LOAD / rejection.dry_cooler_duty(STREAM, 1, 1.0, rated, STREAM, STREAM)
    coolers_out = coolers_in - LOAD / STREAM
    plant_back = coolers_out + LOAD / (economiser * STREAM)
    plant_supply = plant_back - LOAD / STREAM
    racks_back = plant_supply + LOAD / (exchanger.counterflow(cdu, STREAM, STREAM) * STREAM)
    racks_supply = racks_back - LOAD / STREAM
    got = np.array([racks_supply, racks_back, plant_supply, plant_back, coolers_out, coolers_in])
    # The reference itself is 0.003 K off its design, by its controllers.
    np.testing.assert_allclose(got, REFERENCE, rtol=0, atol=0.005)


def test_plant_settles_at_the_design_point() -> None:
    """From 20 degC throughout, stepped by a second, with 30 s of water on each side of each exchanger."""
    cdu, economiser, rated = components()
    effective = exchanger.counterflow(cdu, STREAM, STREAM)
    rejected = rejection.dry_cooler_duty(STREAM, 1, 1.0, rated, STREAM, STREAM)
    held = 30.0 * STREAM
    racks_back = racks_supply = plant_back = plant_supply = coolers_in = coolers_out = np.float64(
        CELSIUS + 20
    )
    for _ in range(3600):
        racks_back, racks_mean = transport.tank(racks_back, held, STREAM, racks_supply, LOAD, 1.0)
        racks_supply, plant_back, _, plant_mean = transport.exchanger(
            racks_supply, plant_back, held, held, STREAM, STREAM, racks_mean, plant_supply, effective, 1.0
        )
        plant_supply, coolers_in, _, coolers_mean = transport.exchanger(
            plant_supply, coolers_in, held, held, STREAM, STREAM, plant_mean, coolers_out, economiser, 1.0
        )
        heat = -rejected * (coolers_mean - DRY_BULB)
        coolers_out, _ = transport.tank(coolers_out, held, STREAM, coolers_mean, heat, 1.0)
    got = np.array([racks_supply, racks_back, plant_supply, plant_back, coolers_out, coolers_in])
    np.testing.assert_allclose(got, REFERENCE, rtol=0, atol=0.1)


def test_cold_plate_block() -> None:
    """1 kW at 30 degC, four plates of 1.5 to 3.5 L/min in parallel, flow of 6 to 14 L/min: 321.3614 to 318.909 K.

    The block puts a parabola through resistance times flow at the five points of the OCP guidelines, figure 13.
    """
    flow = np.array([6.0, 8.0, 10.0, 12.0, 14.0])
    resistance = np.array([0.0183, 0.0176, 0.0170, 0.0166, 0.0157])
    inlet, ramp = CELSIUS + 30, np.array([6.0, 14.0]) / 60e3
    fine = np.linspace(6.0, 14.0, 801)
    smooth = np.polyval(np.polyfit(flow, resistance * flow, 2), fine) / fine
    block = coldplate.case_temperature(inlet, 1000.0, ramp, (fine / 60e3, smooth))
    np.testing.assert_allclose(block, [321.3614, 318.909], rtol=0, atol=1e-3)
    # The published points, not smoothed, are 0.09 and 0.06 K from it.
    points = coldplate.case_temperature(inlet, 1000.0, ramp, (flow / 60e3, resistance))
    np.testing.assert_allclose(points, block, rtol=0, atol=0.1)


def test_dry_cooler_of_the_library() -> None:
    """BAC TDFS1238N: 2.931 MW from 46.1 to 40.6 degC in air of 35 degC; its UA carries the rating back."""
    water, air = 2.931e6 / (46.1 - 40.6), 600e3
    rated = rejection.rated_dry_cooler_conductance(2.931e6, CELSIUS + 46.1, CELSIUS + 40.6, CELSIUS + 35, air)
    duty = rejection.dry_cooler_duty(water, 1, 1.0, rated, water, air) * (46.1 - 35)
    assert duty == pytest.approx(2.931e6, rel=1e-9)
