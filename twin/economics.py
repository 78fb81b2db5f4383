"""What a token costs: capital by its annuity, electricity by the meter, maintenance by the year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

YEAR = 365.25 * 86400.0
"""Seconds of a year [s]."""


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


@dataclass(frozen=True)
class Cost:
    """A cost by its parts, (...,), all in one unit. Liquid cooling with dry coolers buys no water."""

    it: Array
    facility: Array
    electricity: Array
    maintenance: Array

    @property
    def total(self) -> Array:
        """Sum of the parts."""
        return self.it + self.facility + self.electricity + self.maintenance


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


def running_cost(economics: Economics, it_power: Array, utility_power: Array, price: Array) -> Cost:
    """Cost of a second of operation by its parts [USD/s], (...,).

    it_power : the IT power that the facility is built for [W], whatever it draws now.
    utility_power : mean draw at the utility [W]. price : of electricity [USD/J].

    >>> rack = Economics(3.6e6, 0.10, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    >>> cost = running_cost(rack, 140e3, 150e3, 0.08 / 3.6e6)
    >>> round(float(cost.electricity) * 3600, 2), round(float(cost.total) * 3600, 2)
    (12.0, 183.18)
    """
    rate, built = economics.interest_rate, np.asarray(it_power) * economics.facility_cost
    return Cost(
        it=economics.capital * capital_recovery(rate, economics.it_lifetime) / YEAR,
        facility=built * capital_recovery(rate, economics.facility_lifetime) / YEAR,
        electricity=np.asarray(utility_power) * price,
        maintenance=np.asarray(economics.capital) * economics.maintenance / YEAR,
    )


def cost(economics: Economics, tokens: Array, it_power: Array, utility_power: Array, price: Array) -> Cost:
    """Cost of a million output tokens by its parts [USD], (...,); infinite where there are no tokens.

    tokens : output tokens per second that are delivered [1/s], so utilisation and uptime enter here.
    it_power, utility_power, price : as for `running_cost`.
    """
    spent = running_cost(economics, it_power, utility_power, price)
    rate = np.asarray(tokens, dtype=np.float64)

    def each(part: Array) -> Array:
        return np.where(rate > 0.0, 1e6 * part / np.where(rate > 0.0, rate, 1.0), np.inf)

    return Cost(each(spent.it), each(spent.facility), each(spent.electricity), each(spent.maintenance))
