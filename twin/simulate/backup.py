"""What carries the site: the utility, its generators, the batteries of the UPS, and what each is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from electrical import converter, ups
from twin.event import ROUNDING, Event
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.power import inverters, of_ups, through_ups
from twin.plant.supply import Supply
from twin.simulate.moving import Moving

Array = npt.NDArray[np.float64]
Source = Literal["utility", "generators", "none"]

WALK_IN = 15.0
"""Ramp of a rectifier from nothing to its rating when power is back, where its product does not tell it [s]; 5 to 30 s
are selectable in the Mitsubishi 9800A specification; assumed."""
RECHARGE = 0.1
"""Power drawn for the battery over the rating of the UPS, where its product does not tell it; assumed."""
RECHARGE_EFFICIENCY = 0.95
"""Energy that comes out of a battery over what is drawn for it, charger and cells; assumed."""


def source(facility: Facility, events: Sequence[Event], time: float, step: float) -> Source:
    """What feeds the site in a step: generators from their start until the utility that was lost is back."""
    away = [
        event for event in events if event.kind in ("power_blip", "utility_loss") and event.on(time, step)
    ]
    if not away:
        return "utility"
    standby = facility.standby
    # Nothing starts them for a blip, which is over before they run.
    started = standby is not None and any(
        event.kind == "utility_loss" and time >= event.start + standby.start_time - ROUNDING for event in away
    )
    return "generators" if started else "none"


@dataclass(frozen=True)
class Backup:
    """(device,) figures of the UPS; NaN for other devices."""

    facility: Facility
    full: Array
    """Energy of the charged battery [J], NaN where no product tells it."""
    walk_in: Array
    recharge: Array
    """Most that is drawn for the battery [W]."""
    most: Array
    """Input of the rectifier at its rating, with that [W]."""
    curves: Array

    @classmethod
    def of(cls, facility: Facility) -> Backup:
        def known(name: str, otherwise: float) -> Array:
            told = of_ups(facility, name)
            return np.where(np.isfinite(told), told, otherwise)

        rating, curves = facility.devices.rating, inverters(facility)
        recharge = known("rechargeShare", RECHARGE) * rating
        most = converter.input_power(rating, rating, curves) + recharge
        return cls(
            facility, of_ups(facility, "batteryEnergy"), known("walkInTime", WALK_IN), recharge, most, curves
        )

    def carried(
        self,
        operation: Operation,
        supply: Supply,
        power: Array,
        auxiliary: Mapping[str, Array],
        state: Moving,
        fed: Source,
        step: float,
    ) -> tuple[Array, Array, Array]:
        """Energy left in the UPS [J] and how far their rectifiers have walked in, two of (scenario, device), a step
        later, and what the source gives in it, (scenario,) [W].

        Without a source the batteries carry all; once there is one the rectifiers take over along their ramp, and then
        charge them again. All rectifiers of the site begin at once.
        """
        rating = self.facility.devices.rating
        nothing = np.zeros(state.battery.shape)
        given, leaving, entering = through_ups(self.facility, operation, supply, power, auxiliary, nothing)
        walked = np.minimum(state.walked + step / self.walk_in, 1.0) if fed != "none" else nothing
        # On the inverter while the battery is in use, whatever the mode with a source.
        needed, available = entering, np.full(state.battery.shape, np.inf)
        if (state.walked < 1.0).any() or fed == "none":
            inverter = ups.battery_power(leaving, rating, np.full(1, ups.ON_BATTERY), self.curves)
            walking = (state.walked < 1.0) | (fed == "none")
            needed = np.where(walking, inverter, entering)
            available = np.where(walking, (state.walked + walked) / 2.0 * self.most, np.inf)
            available = np.where(fed == "none", 0.0, available)
        drawn, after = ups.carried(
            needed * supply.device,
            available,
            self.recharge * supply.device,
            np.nan_to_num(state.battery),
            np.nan_to_num(self.full),
            RECHARGE_EFFICIENCY,
            step,
        )
        battery = np.where(np.isnan(self.full), np.nan, after)
        if fed == "none":
            return battery, walked, np.zeros_like(given)
        besides = np.where(np.isnan(self.full), 0.0, drawn - entering * supply.device)
        if besides.any():
            given, _, _ = through_ups(self.facility, operation, supply, power, auxiliary, besides)
        return battery, walked, given
