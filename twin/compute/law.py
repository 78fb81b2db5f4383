"""What a rack yields under a power cap: tokens per second as a function of its AC power.

The cap acts on the GPUs; the rest of the rack (CPUs, switches, network) and the loss of its power shelves
stand between them and the AC side. With c the GPU watts over those the workload asks for and phi the clock
ratio,

    c = Ps + (1 - Ps) phi max(phi, knee)^2,    tokens = tokens at full clock * phi^exponent.

Both segments are concave in AC watts and the law is steeper below the knee than above, so it is concave from the
floor up. Where prefill and decode have pools with clocks of their own, kept at one rate (`twin.compute.phases`), the
law has four such segments. Everything is elementwise and broadcasts over (scenario, rack).

Static share 0.25 and knee 0.75 are set on published caps (NVIDIA MaxLPS and Max-Q, B300 against GB300 in
MLPerf v6.0); what GPUs leak more or less than that shifts the law (`shifted`). The exponent on GPU watts is 1 for
training and prefill, about 0.20 for decode. That of mixed inference, 0.30, is of no pool: it is set on two
published caps of whole systems, and two pools at one clock yield less (`twin/compute/measured/README.md`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from electrical import converter
from twin.compute import phases
from twin.compute.clock import clock_ratio, drawn_share
from twin.compute.phases import Pools

Array = npt.NDArray[np.float64]

LEAST = 1.0
"""GPU watts of a rack that stand for none, so that its law is defined."""
ROUNDING = 1e-9
"""Relative watts below the floor that are rounding of the floor itself."""


@dataclass(frozen=True)
class Law:
    """Arrays that broadcast together, coefficients with one more axis of length 3."""

    demand: Array
    """AC power the workload asks for [W]."""
    tokens: Array
    """Output tokens per second at `demand` [1/s]."""
    gpu_demand: Array
    """DC watts of all GPUs of the rack at `demand` [W], above 0."""
    fixed: Array
    """DC watts that do not follow the cap [W]."""
    rating: Array
    """DC output rating of the live power shelves together [W]; 0 is a dead rack, which yields nothing."""
    coefficients: Array
    """(..., 3) loss curve of the shelves, see `electrical.converter`."""
    static_share: Array
    """Share of the GPU watts at demand that does not follow the clock, below 1; `shifted` may take it below 0."""
    knee: Array
    """Clock ratio below which the voltage no longer falls."""
    exponent: Array
    """Of speed in the clock ratio, in (0, 1] for a concave law; that of decode where prefill has a clock of its own."""
    minimum_clock: Array
    """Clock ratio under which the GPUs do not run."""
    prefill: Array | None = None
    """Part of the GPU watts at `demand` that a pool with a clock of its own draws which prefills, below 1, 0 for racks
    without one; None where one clock holds for all GPUs."""
    prefill_exponent: Array | None = None
    """Of the speed of that pool in its clock ratio, likewise."""


def given(law: Law) -> dict[str, Array]:
    """The arrays of a law by name, without those of pools that it has not."""
    every = {field.name: getattr(law, field.name) for field in fields(law)}
    return {name: np.asarray(value) for name, value in every.items() if value is not None}


def ac_power(dc: Array, law: Law) -> Array:
    """AC power that the rack draws to deliver DC watts [W], (...,)."""
    return np.asarray(converter.input_power(dc, law.rating, law.coefficients))


def floor(law: Law) -> Array:
    """AC power at the minimum clock [W], (...,): with less the rack yields nothing."""
    return _power_at(law, law.minimum_clock)


def shifted(law: Law, extra: Array, slope: Array | float, at: Array | float, where: Array) -> Law:
    """The law of GPUs that draw more than `law` says, at the same clock and tokens, (...,); `law` itself elsewhere.

    extra : DC watts of all GPUs [W], as they are where the GPUs draw `at` [W]; each watt beyond that brings `slope`
    more, below 1. Neither follows the clock: with x = P - at the GPU watts are P = law + extra + slope x.
    """

    def drawn(watts: Array) -> Array:
        return (watts + extra - slope * np.asarray(at)) / (1.0 - slope)

    full = np.where(where, np.maximum(drawn(law.gpu_demand), LEAST), law.gpu_demand)
    static = np.where(where, drawn(law.static_share * law.gpu_demand) / full, law.static_share)
    demand = np.where(where, ac_power(law.fixed + full, law), law.demand)
    return replace(law, demand=demand, gpu_demand=full, static_share=static)


def knee_power(law: Law) -> Array:
    """AC power at the knee [W], (...,)."""
    return _power_at(law, law.knee)


def gpu_power(law: Law, power: Array) -> Array:
    """DC watts of all GPUs of the rack at an AC power [W], (...,), between 0 and `gpu_demand`."""
    delivered = converter.output_power(power, law.rating, law.coefficients)
    return np.clip(delivered - law.fixed, 0.0, law.gpu_demand)


def clock(law: Law, power: Array) -> Array:
    """Clock ratio at an AC power, (...,): 1 from `demand` on, 0 below `floor` and for a dead rack.

    Of the GPUs that decode where prefill has a clock of its own.
    """
    if law.prefill is not None:
        return _kept(law, power, law.exponent)
    power = np.asarray(power, dtype=np.float64)
    ratio = clock_ratio(gpu_power(law, power) / law.gpu_demand, law.static_share, law.knee)
    return np.where(_runs(law, power), np.where(power >= law.demand, 1.0, ratio), 0.0)


def prefill_clock(law: Law, power: Array) -> Array:
    """Clock ratio of the GPUs that prefill, (...,), as `clock`, which it is where one clock holds for all."""
    return clock(law, power) if law.prefill_exponent is None else _kept(law, power, law.prefill_exponent)


def speed(law: Law, power: Array) -> Array:
    """Tokens over those at `demand` at an AC power, (...,), 0 below `floor` and for a dead rack."""
    if law.prefill is None:
        return np.asarray(clock(law, power) ** law.exponent)
    power, pools = np.asarray(power, dtype=np.float64), _pools(law)
    share = (gpu_power(law, power) / law.gpu_demand - law.static_share) / (1.0 - law.static_share)
    share = np.clip(share, phases.joints(pools)[0], 1.0)
    rate = np.where(power >= law.demand, 1.0, phases.rate(pools, share, share))
    return np.where(_runs(law, power), rate, 0.0)


def throughput(law: Law, power: Array) -> Array:
    """Output tokens per second at an AC power [1/s], (...,).

    >>> law = Law(demand=1000.0, tokens=500.0, gpu_demand=800.0, fixed=200.0, rating=2000.0,
    ...           coefficients=np.zeros(3), static_share=0.25, knee=0.75, exponent=0.3, minimum_clock=0.3)
    >>> [round(float(throughput(law, power)), 1) for power in (1100.0, 1000.0, 800.0, 300.0)]
    [500.0, 500.0, 480.1, 0.0]
    """
    return np.asarray(law.tokens * speed(law, power))


def joints(law: Law) -> tuple[Array, ...]:
    """AC powers at which the segments of the law join [W], ascending, each (...,)."""
    if law.prefill is None:
        return (knee_power(law),)
    return tuple(_power_of(law, share) for share in phases.joints(_pools(law))[1:])


def segment(law: Law, power: Array, order: int) -> tuple[Array, Array, Array]:
    """Tokens [1/s] and their first and second derivative in AC watts by the formula of a segment, (...,).

    order : of the segments between `joints`, 0 to their number. Taken as it stands at any power, so that an optimiser
    sees one smooth segment; not finite where the power does not cover the static share, and for a dead rack.
    """
    if law.prefill is None:
        return (lower, upper)[order](law, power)
    ends = *phases.joints(_pools(law)), np.ones(())
    return _joined(law, power, 0.5 * (ends[order] + ends[order + 1]))


def lower(law: Law, power: Array) -> tuple[Array, Array, Array]:
    """`segment` below the knee where one clock holds for all GPUs, (...,)."""
    return _segment(law, power, law.exponent, np.square(law.knee))


def upper(law: Law, power: Array) -> tuple[Array, Array, Array]:
    """`segment` above the knee where one clock holds for all GPUs, (...,), also beyond `demand`."""
    return _segment(law, power, np.asarray(law.exponent) / 3.0, np.ones(()))


def slope(law: Law, power: Array) -> Array:
    """Tokens per second that one more AC watt brings [1/(s W)], (...,).

    Where segments join and at the floor the slope above, at `demand` the slope below; 0 outside floor to demand.
    """
    return _within(law, power, 1)


def curvature(law: Law, power: Array) -> Array:
    """Second derivative of the tokens in AC watts [1/(s W2)], (...,), at the ends as `slope` has it."""
    return _within(law, power, 2)


def _pools(law: Law) -> Pools:
    """The pools of a law that has them."""
    assert law.prefill is not None
    assert law.prefill_exponent is not None
    return Pools(law.prefill, law.prefill_exponent, law.exponent, law.knee, law.minimum_clock)


def _kept(law: Law, power: Array, exponent: Array) -> Array:
    """Clock ratio of a pool of an exponent that keeps the speed of the law, 0 where the rack does not run."""
    found = speed(law, power)
    return np.where(found > 0.0, np.clip(found ** (1.0 / exponent), law.minimum_clock, 1.0), 0.0)


def _power_of(law: Law, share: Array) -> Array:
    """AC power where a share of the GPU watts that follow the clock is drawn."""
    return ac_power(law.fixed + law.gpu_demand * (law.static_share + (1.0 - law.static_share) * share), law)


def _power_at(law: Law, ratio: Array) -> Array:
    """AC power at a clock ratio of all GPUs."""
    return ac_power(law.fixed + law.gpu_demand * drawn_share(ratio, law.static_share, law.knee), law)


def _runs(law: Law, power: Array) -> npt.NDArray[np.bool_]:
    return (power >= floor(law) * (1.0 - ROUNDING)) & (np.asarray(law.rating) > 0.0)


def _dynamic(law: Law, power: Array) -> tuple[Array, Array, Array, Array]:
    """Share of the GPU watts that follow the clock, these watts, and the derivatives of DC in AC watts."""
    output = converter.output_power(power, law.rating, law.coefficients)
    rating = np.where(np.asarray(law.rating) > 0.0, law.rating, 1.0)
    scale = (1.0 - law.static_share) * law.gpu_demand
    dynamic = (output - law.fixed - law.static_share * law.gpu_demand) / scale
    first = 1.0 / converter.marginal_input(output, law.rating, law.coefficients)
    second = -2.0 * np.asarray(law.coefficients)[..., 2] / rating * first**3
    return dynamic, scale, first, second


def _segment(law: Law, power: Array, exponent: Array, divisor: Array) -> tuple[Array, Array, Array]:
    """Value, slope and curvature of tokens (x / divisor)^exponent, where x = (c - Ps) / (1 - Ps)."""
    dynamic, scale, first, second = _dynamic(law, power)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = law.tokens * (dynamic / divisor) ** exponent
        gain = exponent * value / dynamic
        bend = (exponent - 1.0) * gain / dynamic
    return value, gain * first / scale, bend * np.square(first / scale) + gain * second / scale


def _joined(law: Law, power: Array, at: Array | None = None) -> tuple[Array, Array, Array]:
    """Value, slope and curvature of the tokens of two pools by the formula of the segment in which `at` lies."""
    pools, (dynamic, scale, first, second) = _pools(law), _dynamic(law, power)
    at = dynamic if at is None else at
    rate = phases.rate(pools, dynamic, at)
    gain, bend = (law.tokens * value for value in phases.bends(pools, rate, at))
    return (
        law.tokens * rate,
        gain * first / scale,
        bend * np.square(first / scale) + gain * second / scale,
    )


def _within(law: Law, power: Array, order: int) -> Array:
    """Derivative of the law of an order, 0 outside floor to demand."""
    power = np.asarray(power, dtype=np.float64)
    inside = _runs(law, power) & (power <= law.demand)
    if law.prefill is not None:
        return np.where(inside, _joined(law, power)[order], 0.0)
    above = power >= knee_power(law)
    return np.where(inside, np.where(above, upper(law, power)[order], lower(law, power)[order]), 0.0)
