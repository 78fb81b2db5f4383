"""What a token costs: capital by its annuity, electricity and water by the meter, maintenance by the year.

Input and output tokens are different goods and are never summed but by asking for the total; a power is a number of
watts at a named boundary, and a function that needs one boundary refuses another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float
Token = Literal["input", "output", "total"]
Boundary = Literal["chip", "rack_dc", "rack_ac", "utility"]
"""Where power is measured: GPU boards, behind the power shelves, before them (all racks and support, IT power), and
at the point of connection."""

YEAR = 365.25 * 86400.0
"""Seconds of a year [s]."""
MILLION = 1e6


@dataclass(frozen=True)
class Tokens:
    """Tokens per second [1/s], (...,), by kind."""

    input: Array
    output: Array

    @property
    def total(self) -> Array:
        """Input and output together [1/s]."""
        return self.input + self.output

    def of(self, kind: Token) -> Array:
        """Those of a kind [1/s]."""
        return {"input": self.input, "output": self.output, "total": self.total}[kind]


@dataclass(frozen=True)
class Power:
    """Mean watts, (...,), and the boundary at which they pass."""

    watts: Array
    boundary: Boundary

    def at(self, boundary: Boundary) -> Array:
        """The watts, where this is their boundary; raises ValueError elsewhere.

        >>> Power(1.0, "rack_ac").at("utility")
        Traceback (most recent call last):
        ValueError: power at the boundary 'rack_ac' is not power at 'utility'
        """
        if boundary != self.boundary:
            raise ValueError(f"power at the boundary {self.boundary!r} is not power at {boundary!r}")
        return self.watts


@dataclass(frozen=True)
class Sold:
    """What divides a cost: the shares of what the racks could yield that become tokens someone pays for, (...,)."""

    utilisation: Array = 1.0
    """Demand over capacity, as a mean."""
    availability: Array = 1.0
    """Of the capacity, see `twin.availability`."""
    goodput: Array = 1.0
    """Of the work that is kept: of a training job see `twin.compute.training.goodput`, of serving the requests that
    meet their latency."""

    @property
    def share(self) -> Array:
        """All of them together."""
        return self.utilisation * self.availability * self.goodput


@dataclass(frozen=True)
class Economics:
    capital: Array
    """IT: racks with their share of network and storage [USD]."""
    interest_rate: Array
    """Of a year, on all capital."""
    it_lifetime: Array
    """Time over which IT is paid off [s]."""
    facility_lifetime: Array
    """Time over which building, power and cooling are paid off [s]."""
    facility_cost: Array
    """Building, power and cooling per watt of IT power they are built for [USD/W]."""
    maintenance: Array
    """Of IT capital, in a year."""
    water_price: Array = 0.0
    """Of make-up water [USD/kg]."""
    utilisation: Array = 1.0
    """See `Sold.utilisation`."""


@dataclass(frozen=True)
class Cost:
    """A cost by its parts, (...,), all in one unit. Dry coolers without pads buy no water."""

    it: Array
    """Capital of racks, network and storage."""
    facility: Array
    """Capital of building, power and cooling."""
    electricity: Array
    maintenance: Array
    water: Array

    @property
    def total(self) -> Array:
        """Sum of the parts."""
        return self.it + self.facility + self.electricity + self.maintenance + self.water


def capital_recovery(interest_rate: Array, lifetime: Array) -> Array:
    """Share of a capital to be paid each year so that interest and capital are covered, (...,).

    r / (1 - (1 + r)^-n), and 1/n without interest. interest_rate : of a year. lifetime : [s].

    >>> round(float(capital_recovery(0.10, 4 * YEAR)), 4)
    0.3155
    """
    rate = np.asarray(interest_rate, dtype=np.float64)
    years = np.asarray(lifetime, dtype=np.float64) / YEAR
    some = np.where(rate == 0.0, 1.0, rate)
    return np.where(rate == 0.0, 1.0 / years, some / -np.expm1(-years * np.log1p(some)))


def running_cost(economics: Economics, built: Power, drawn: Power, price: Array, water: Array = 0.0) -> Cost:
    """Cost of a second of operation by its parts [USD/s], (...,).

    built : what the facility is built for, at rack_ac, whatever it draws now. drawn : mean draw, at utility.
    price : of electricity [USD/J]. water : make-up [kg/s].

    >>> rack = Economics(3.6e6, 0.10, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    >>> cost = running_cost(rack, Power(140e3, "rack_ac"), Power(150e3, "utility"), 0.08 / 3.6e6)
    >>> round(float(cost.electricity) * 3600, 2), round(float(cost.total) * 3600, 2)
    (12.0, 183.18)
    """
    rate, worth = economics.interest_rate, np.asarray(built.at("rack_ac")) * economics.facility_cost
    return Cost(
        it=economics.capital * capital_recovery(rate, economics.it_lifetime) / YEAR,
        facility=worth * capital_recovery(rate, economics.facility_lifetime) / YEAR,
        electricity=np.asarray(drawn.at("utility")) * price,
        maintenance=np.asarray(economics.capital) * economics.maintenance / YEAR,
        water=np.asarray(water) * economics.water_price,
    )


def cost(spent: Cost, tokens: Tokens, kind: Token, sold: Sold = Sold()) -> Cost:
    """Cost of a million tokens of a kind by its parts [USD], (...,); infinite where there are none.

    spent : cost of a second [USD/s], see `running_cost`. tokens : per second that the racks could yield [1/s].
    All of the cost lies on the kind asked for: costs per input and per output token are two views of one sum.

    >>> hour = Cost(2.0, 0.5, 0.25, 0.25, 0.0)
    >>> second = Cost(*(part / 3600 for part in (hour.it, hour.facility, hour.electricity, hour.maintenance, 0.0)))
    >>> tokens = Tokens(input=8000.0, output=1000.0)
    >>> [round(float(cost(second, tokens, kind, Sold(0.8, 0.99)).total), 3) for kind in ("output", "total")]
    [1.052, 0.117]
    """
    rate = np.asarray(tokens.of(kind) * sold.share, dtype=np.float64)

    def each(part: Array) -> Array:
        return np.where(rate > 0.0, MILLION * part / np.where(rate > 0.0, rate, 1.0), np.inf)

    return Cost(
        each(spent.it),
        each(spent.facility),
        each(spent.electricity),
        each(spent.maintenance),
        each(spent.water),
    )


def tokens_per_joule(tokens: Tokens, kind: Token, power: Power) -> Array:
    """Tokens of a kind over the energy at the boundary of a power [1/J], (...,); NaN where there is no power.

    >>> tokens = Tokens(input=8000.0, output=1000.0)
    >>> float(tokens_per_joule(tokens, "output", Power(500.0, "utility")))
    2.0
    """
    watts = np.asarray(power.watts, dtype=np.float64)
    return tokens.of(kind) / np.where(watts > 0.0, watts, np.nan)
