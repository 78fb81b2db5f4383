"""Rules on breakers, relays, stored energy and standby generators of the one-line."""

from __future__ import annotations

import numpy as np

from electrical import converter, ups
from twin.facility import DEVICE_KINDS, Facility
from twin.plant.power import batteries
from twin.plant.protection import protected
from twin.rules.registry import Array, Arrays, rule

FINAL = 0.4
"""Time to clear a fault to earth of final circuits, here the whips, and DISTRIBUTION of the others [s]."""
DISTRIBUTION = 5.0
RIDE_THROUGH = 0.02
"""Time without voltage that equipment bears by the ITIC curve [s]."""
RESERVE = 60.0
"""Time that a battery holds beyond the start of the generators, for a failed start and the transfer [s]; assumed."""


@rule(
    "E3-coordination", "rated current of a breaker over what its conductor carries where it lies", unit="1",
    axis="device", sense="most", scale=1.0, clause="IEC 60364-4-43, 433.1: I_n at most I_z (unverified)",
)  # fmt: skip
def coordination(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return protected(facility).coordination[None], np.ones((1, 1))


@rule(
    "E5-breaking", "largest short circuit at a breaker over what it breaks", unit="1", axis="device", sense="most",
    scale=1.0, clause="IEC 60947-2, NEC 110.9: breaking capacity at least the prospective current (unverified)",
)  # fmt: skip
def breaking(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return protected(facility).breaking[None], np.ones((1, 1))


@rule(
    "E6-withstand", "heat of a fault in a conductor over what it withstands", unit="1", axis="device", sense="most",
    scale=1.0, clause="IEC 60364-4-43, 434.5: I2 t at most k2 S2 (unverified)",
)  # fmt: skip
def withstand(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return protected(facility).withstand[None], np.ones((1, 1))


@rule(
    "E7-clearing", "longest time to clear the smallest fault at a device", unit="s", axis="device", sense="most",
    scale=1.0, clause="IEC 60364-4-41, 411.3.2: 0.4 s in final circuits, 5 s in distribution (unverified)",
)  # fmt: skip
def clearing(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    whips = facility.devices.kind == DEVICE_KINDS.index("whip")
    # A breaker that stays shut is as far outside as an hour.
    return np.minimum(protected(facility).clearing, 3600.0)[None], np.where(whips, FINAL, DISTRIBUTION)[None]


@rule(
    "E8-selectivity", "least time between the trip of a breaker and of the one above it", unit="s", axis="device",
    sense="least", scale=0.1,
    clause="IEC 60947-2, annex A: selective up to the prospective current; 0.3 s under a relay (unverified)",
)  # fmt: skip
def selectivity(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    # One that never trips is as far above as an hour.
    found = protected(facility)
    return np.minimum(found.gap, 3600.0)[None], found.required[None]


@rule(
    "E15-hold-up", "time that the shelves of a rack carry it without input", unit="s", axis="rack", sense="least",
    scale=RIDE_THROUGH, clause="ITIC curve: 20 ms without voltage (unverified); rack product: shelfHoldUp",
)  # fmt: skip
def hold_up(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    racks = facility.racks
    rated = np.array([kind.product.get("shelfHoldUp", np.nan) for kind in racks.types])[racks.type]
    modules = racks.shelves * (np.asarray(arrays["power"]) > 0.0)
    output = converter.output_power(
        np.asarray(arrays["power"]), modules * racks.shelf_rating, racks.shelf_coefficients
    )
    held = ups.shelf_hold_up(output, racks.shelf_rating, modules, rated)
    return np.where(modules > 0.0, held, np.nan), np.full((1, 1), RIDE_THROUGH)


@rule(
    "E16-battery", "time that the battery of a UPS carries its load", unit="s", axis="device", sense="least",
    scale=RESERVE, clause="starting time of the standby generators and a minute; NFPA 110, IEEE 1184 (unverified)",
)  # fmt: skip
def battery(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    devices, standby = facility.devices, facility.standby
    if standby is None:
        return np.full((1, len(devices.name)), np.nan), np.zeros((1, 1))
    load = np.asarray(arrays["device_power"])
    held = np.where(load > 0.0, ups.hold_up(*batteries(facility, load)), np.nan)
    return held, np.full((1, 1), standby.start_time + RESERVE)


@rule(
    "E17-generators", "power of the site over the rating of the generators that have to carry it", unit="1",
    axis="site", sense="most", scale=1.0, clause="the layout's standby: required; generator product: rating",
)  # fmt: skip
def generators(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    standby = facility.standby
    power = np.asarray(arrays["utility_power"])[:, None]
    return power / (standby.required * standby.rating) if standby else np.full(power.shape, np.nan), np.ones(
        (1, 1)
    )


@rule(
    "E17-least-load", "power of the site over the rating of the generators that run", unit="1", axis="site",
    sense="least", scale=1.0, clause="generator product: leastLoad",
)  # fmt: skip
def least_load(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    standby = facility.standby
    power = np.asarray(arrays["utility_power"])[:, None]
    if standby is None:
        return np.full(power.shape, np.nan), np.zeros((1, 1))
    return power / (standby.required * standby.rating), np.full((1, 1), standby.least_load)
