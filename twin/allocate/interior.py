"""The greatest sum of tokens under shared limits:

    maximise sum_r T_r(p_r)    with    share @ p <= capacity,    floor <= p <= ceiling

by a primal-dual interior point with Mehrotra's predictor and corrector (SIAM J. Optim. 2 (1992) 575; Nocedal & Wright,
Numerical Optimization, 2nd ed., ch. 14 and 19) for all scenarios at once. The law is split at its joints into
segments with variables of their own; because a lower segment is the steeper one, the optimum fills it first
and the kink needs no special case. Power rows and cooling rows cross, so filling a tree from its root is not exact.

Rows are merged, dropped and packed by what a scenario itself says, and each scenario stops by its own residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.allocate.rows import ROUNDING, Caps, law_of, pressing_at, row_load, shares_of
from twin.compute.law import Law, joints, segment

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SAME = 1e-9  # rows whose shares differ by less than this part of the largest are one limit
RESIDUAL = 1e-9  # stop: optimality and balance, in mean gains per mean width and in mean widths
GAP = 1e-12  # stop: mean complementarity, in mean gains
AT_CEILING = 1e-6  # a rack this close to its ceiling, relative, stands at it
STEPS = 80
PATIENCE = 15  # steps after which a scenario that has not ended gives up the second-order term
SPARSE = 8  # limits per limit of one rack from which pairs of limits are cheaper
CACHE = 100_000  # numbers per work array: a few dozen of them stay in a core's cache


def greatest(law: Law, floor: Array, ceiling: Array, share: Array, capacity: Array) -> Caps:
    """The greatest sum of tokens; where no limit can bind at the ceilings the power is the ceiling."""
    least, settled, pressing = pressing_at(floor, ceiling, share, capacity)
    power, price = ceiling.copy(), np.zeros_like(capacity)
    tight = np.flatnonzero(pressing.any(axis=-1))
    if tight.size:
        chosen = np.zeros_like(pressing)
        chosen[tight] = _tightest(shares_of(share, tight), capacity[tight], pressing[tight])
        for batch, row in _batches(chosen, ceiling.shape[-1]):
            own = shares_of(share, batch)
            packed = own[0][row] if len(own) == 1 else np.take_along_axis(own, row[..., None], axis=1)
            room = np.take_along_axis(capacity[batch], row, axis=1)
            part = _interior(law_of(law, batch, len(floor)), floor[batch], ceiling[batch], packed, room)
            power[batch], price[batch[:, None], row], settled[batch] = part
        power[tight] = _within(
            shares_of(share, tight), floor[tight], power[tight], least[tight], capacity[tight]
        )
    power[~settled] = np.nan
    price[~settled] = 0.0
    below = settled[:, None] & (ceiling - power > AT_CEILING * ceiling)
    return Caps(power, price, settled, np.where(below, _dearest(share, price), -1))


def _fraction(least: Array, most: Array, capacity: Array) -> Array:
    """Part of the way from `least` to `most` that a capacity allows, (scenario, limit), in [0, 1]."""
    over = most > capacity
    room = np.where(over, capacity - least, 1.0)
    return np.clip(room / np.where(over & (most > least), most - least, 1.0), 0.0, 1.0)


def _lowest(share: Array, fraction: Array) -> tuple[Array, Index]:
    """Lowest fraction among the limits that hold each rack, and that limit, (scenario, rack)."""
    each = np.where(share > 0.0, fraction[..., None], 1.0)
    holder = each.argmin(axis=1)
    return np.take_along_axis(each, holder[:, None], axis=1)[:, 0], holder


def _within(share: Array, floor: Array, power: Array, least: Array, capacity: Array) -> Array:
    """Power drawn back towards the floors by what still exceeds a capacity."""
    load = row_load(share, power)
    fraction = np.where(load > capacity * (1.0 + ROUNDING), _fraction(least, load, capacity), 1.0)
    over = np.flatnonzero(fraction.min(axis=-1) < 1.0)
    power = power.copy()
    factor, _ = _lowest(shares_of(share, over), fraction[over])
    power[over] = np.where(factor < 1.0, floor[over] + factor * (power[over] - floor[over]), power[over])
    return power


def _dearest(share: Array, price: Array) -> Index:
    """Limit with the largest price times share of each rack, (scenario, rack); the first one where none has a price."""
    dear = np.flatnonzero((price > 0.0).any(axis=0))
    if not dear.size:
        return np.zeros((len(price), share.shape[-1]), dtype=np.int64)
    worth = share[:, dear] * price[:, dear, None]
    most = worth.argmax(axis=1)
    priced = np.take_along_axis(worth, most[:, None], axis=1)[:, 0] > 0.0
    return np.where(priced, dear[most], 0)


def _family(share: Array) -> Index:
    """First row, in order of signature, that serves the same racks in the same proportions, (..., limit).

    Proportions are compared by a weighted sum first, since comparing every row with every other costs
    limit squared; rows that only share the sum are told apart by the comparison with the first.
    """
    part = share / np.maximum(share.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    signature = part @ np.random.default_rng(0).random(share.shape[-1])
    order = signature.argsort(axis=-1)
    new = np.diff(np.take_along_axis(signature, order, axis=-1), axis=-1, prepend=-1.0) > SAME
    position = np.maximum.accumulate(np.where(new, np.arange(order.shape[-1]), 0), axis=-1)
    first = np.empty_like(order)
    np.put_along_axis(first, order, np.take_along_axis(order, position, axis=-1), axis=-1)
    other = np.take_along_axis(part, first[..., None], axis=-2)
    same = np.all(np.abs(part - other) <= SAME * part.max(axis=-1, keepdims=True), axis=-1)
    return np.where(same, first, np.arange(order.shape[-1]))


def _tightest(share: Array, capacity: Array, pressing: Mask) -> Mask:
    """The pressing row with the least capacity per share of each family of rows, (scenario, limit)."""
    total = share.sum(axis=-1)
    room = np.where(pressing, capacity / np.where(total > 0.0, total, 1.0), np.inf)
    family = np.broadcast_to(_family(share), room.shape)
    order = np.lexsort((room, family), axis=-1)
    first = np.diff(np.take_along_axis(family, order, axis=-1), axis=-1, prepend=-1) != 0
    chosen = np.empty_like(first)
    np.put_along_axis(chosen, order, first, axis=-1)
    return chosen & pressing


def _batches(chosen: Mask, rack: int) -> list[tuple[Index, Index]]:
    """Scenarios with equally many rows, in pieces that fit the cache, with the rows of each.

    The size of a scenario's matrices then depends on that scenario alone, hence so does its rounding.
    """
    number = chosen.sum(axis=-1)
    batches = []
    for size in np.unique(number[number > 0]):
        scenario = np.flatnonzero(number == size)
        row = np.nonzero(chosen[scenario])[1].reshape(-1, size)
        piece = max(1, int(CACHE // (size * (size + rack) + 2 * rack)))
        batches += [(scenario[k : k + piece], row[k : k + piece]) for k in range(0, len(scenario), piece)]
    return batches


@dataclass(frozen=True)
class _Dense:
    """Rows of many small scenarios, one matrix each: `matrix` (scenario, limit, rack)."""

    matrix: Array

    def some(self, scenario: Index) -> _Dense:
        """Rows of some of the scenarios."""
        return _Dense(self.matrix[scenario])

    def load(self, power: Array) -> Array:
        """matrix @ power, (scenario, limit)."""
        return row_load(self.matrix, power)

    def pull(self, price: Array) -> Array:
        """price @ matrix, (scenario, 1, rack)."""
        return np.asarray(price[:, None] @ self.matrix)

    def normal(self, give: Array) -> Array:
        """matrix @ diag(give) @ matrix.T, (scenario, limit, limit)."""
        return np.asarray((self.matrix * give[:, None]) @ self.matrix.swapaxes(-1, -2))


@dataclass(frozen=True)
class _Sparse:
    """Rows of one scenario in which a rack stands in few of many limits: `row` and `value` (order, rack)."""

    limit: int
    row: Index
    value: Array

    def some(self, scenario: Index) -> _Sparse:
        """The one scenario there is."""
        return self

    def load(self, power: Array) -> Array:
        """matrix @ power, (1, limit)."""
        return np.bincount(self.row.ravel(), (self.value * power).ravel(), self.limit)[None]

    def pull(self, price: Array) -> Array:
        """price @ matrix, (1, 1, rack)."""
        return (self.value * price[0, self.row]).sum(axis=0)[None, None]

    def normal(self, give: Array) -> Array:
        """matrix @ diag(give) @ matrix.T, (1, limit, limit): every pair of limits that share a rack."""
        pair = self.row[:, None] * self.limit + self.row
        product = self.value[:, None] * self.value * give
        total = np.bincount(pair.ravel(), product.ravel(), self.limit * self.limit)
        return total.reshape(1, self.limit, self.limit)


def _matrix(matrix: Array) -> _Dense | _Sparse:
    """Rows in the form that takes less work; larger ones than CACHE come one scenario at a time."""
    used = matrix[0] != 0.0
    order = int(used.sum(axis=0).max())
    if used.size < CACHE or SPARSE * order > len(used):
        return _Dense(matrix)
    row = (~used).argsort(axis=0, kind="stable")[:order]
    return _Sparse(len(used), row, np.take_along_axis(matrix[0], row, axis=0))


@dataclass(frozen=True)
class _Problem:
    """Scenarios with equally many rows, in mean widths of a rack and mean gains of tokens.

    So one tolerance serves any rack and any unit. Fields by scenario: `start` of each segment [W],
    `watt` and `token` units, `open_` where a segment has width, `chord` slope where the law bends
    upward, `matrix` and `bound` of the rows.
    """

    law: Law
    start: Array
    watt: Array
    token: Array
    open_: Mask
    chord: Array
    matrix: _Dense | _Sparse
    bound: Array

    def some(self, scenario: Index) -> _Problem:
        """The same for some of the scenarios."""
        law = law_of(self.law, scenario, len(self.start))
        names = "start", "watt", "token", "open_", "chord", "bound"
        rest = {name: getattr(self, name)[scenario] for name in names}
        return _Problem(law=law, matrix=self.matrix.some(scenario), **rest)

    def marginal(self, x: Array) -> tuple[Array, Array]:
        """Slope and curvature of all segments at x, (scenario, segment, rack); zero without width."""
        power = self.start + self.watt[..., None] * x
        with np.errstate(all="ignore"):  # a dead rack's law may have no value
            each = [segment(self.law, power[:, order], order) for order in range(power.shape[1])]
        scale = (self.watt / self.token)[..., None]
        slope = np.stack([one[1] for one in each], axis=1) * scale
        bend = np.stack([one[2] for one in each], axis=1) * (scale * self.watt[..., None])
        concave = self.open_ & np.isnan(self.chord)
        slope = np.where(concave, slope, np.where(self.open_, self.chord, 0.0))
        return slope, np.where(concave, np.minimum(bend, 0.0), 0.0)

    def load(self, x: Array) -> Array:
        """Load of the rows, (scenario, limit)."""
        return self.matrix.load(np.where(self.open_, x, 0.0).sum(axis=1))


def _interior(
    law: Law, floor: Array, ceiling: Array, share: Array, capacity: Array
) -> tuple[Array, Array, Mask]:
    """Power (scenario, rack), price (scenario, limit) and settled (scenario,) of the greatest throughput.

    Variables: x (scenario, segment, rack) above the start of each segment, its distance y to the end (of
    its own, so that nothing cancels at the bound), the slack s of each row; z, w, v multiply x, y, s.
    A segment without width stands still at x = y = 1 and enters no sum.
    """
    with np.errstate(all="ignore"):
        between = [np.fmax(np.fmin(joint, ceiling), floor) for joint in joints(law)]
        start, stop = np.stack([floor, *between], axis=1), np.stack([*between, ceiling], axis=1)
        ends = [
            (segment(law, start[:, order], order), segment(law, stop[:, order], order))
            for order in range(start.shape[1])
        ]
        rise = np.stack([head[0] - foot[0] for foot, head in ends], axis=1)
        upward = np.stack([(foot[2] > 0.0) | (head[2] > 0.0) for foot, head in ends], axis=1)
    width = stop - start
    watt = (ceiling - floor).mean(axis=-1)[:, None]
    open_ = width > 0.0
    end = np.where(open_, width / watt[..., None], 2.0)
    token = np.where(open_, rise, 0.0).sum(axis=1).mean(axis=-1)[:, None]
    token = np.where(token > 0.0, token, 1.0)
    chord = np.where(open_, rise / token[..., None] / end, 0.0)
    # Below the knee an exponent above 1 bends the law upward; its chord is the least concave law above it.
    upward[:, -1] = False
    top = share.max(axis=-1)
    matrix = share / top[..., None]
    bound = np.maximum((capacity - row_load(share, floor)) / (top * watt), 0.0)
    problem = _Problem(
        law,
        start,
        watt,
        token,
        open_,
        np.where(upward, chord, np.nan),
        _matrix(matrix),
        bound,
    )

    # Start inside every bound, a little below where a proportional cut would stand, at equal products.
    reach = np.where(open_, end, 0.0).sum(axis=1)
    part, _ = _lowest(matrix, _fraction(np.zeros_like(bound), row_load(matrix, reach), bound))
    x = np.where(open_, end * np.clip(0.9 * part, 0.1, 0.9)[:, None], 1.0)
    y = end - x
    s = np.maximum(bound - problem.load(x), 0.05)
    v = 0.1 / s
    pull = np.where(open_, problem.matrix.pull(v) - chord, 0.0)
    point = x, y, 0.1 / x + np.maximum(pull, 0.0), 0.1 / y - np.minimum(pull, 0.0), s, v

    power, price = ceiling.copy(), np.zeros_like(capacity)
    settled = np.zeros(len(floor), dtype=bool)
    active = np.arange(len(floor))
    for count in range(STEPS):
        worst, mean, residual = _residual(problem, point)
        done = (worst <= RESIDUAL) & (mean <= GAP)
        leave = done | ~np.isfinite(worst + mean)
        if leave.any():
            out, x, v = active[leave], point[0][leave], point[5][leave]
            moved = np.where(problem.open_[leave], x, 0.0).sum(axis=1)
            power[out] = floor[out] + problem.watt[leave] * moved
            price[out] = v * problem.token[leave] / (top[out] * problem.watt[leave])
            settled[out] = done[leave]
            stay = np.flatnonzero(~leave)
            if not stay.size:
                break
            active, problem = active[stay], problem.some(stay)
            point = tuple(value[stay] for value in point)
            mean, residual = mean[stay], tuple(value[stay] for value in residual)
        point = _advance(problem, point, mean, residual, patient=count >= PATIENCE)
    return power, price, settled


def _products(point: tuple[Array, ...]) -> tuple[Array, Array, Array, Array]:
    """Complementarity products xz, yw, sv and their mean of each scenario."""
    x, y, z, w, s, v = point
    xz, yw, sv = x * z, y * w, s * v
    total = (xz + yw).sum(axis=2).sum(axis=1) + sv.sum(axis=1)
    return xz, yw, sv, total / (2 * x[0].size + s.shape[1])


def _residual(problem: _Problem, point: tuple[Array, ...]) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Largest residual, mean product (scenario,), and (optimality, row balance, downward bend)."""
    x, _, z, w, s, v = point
    slope, curvature = problem.marginal(x)
    dual = np.where(problem.open_, slope - problem.matrix.pull(v) + z - w, 0.0)
    primal = problem.bound - problem.load(x) - s
    worst = np.maximum(np.abs(dual).max(axis=(1, 2)), np.abs(primal).max(axis=1))
    return worst, _products(point)[3], (dual, primal, -curvature)


def _advance(
    problem: _Problem, point: tuple[Array, ...], mean: Array, residual: tuple[Array, ...], patient: bool
) -> tuple[Array, ...]:
    """Point after one predictor and corrector; both use one normal matrix of size (limit, limit)."""
    x, y, z, w, s, v = point
    dual, primal, bend = residual
    xz, yw, sv, _ = _products(point)
    zx, wy, matrix = z / x, w / y, problem.matrix
    give = np.where(problem.open_, 1.0 / (bend + zx + wy), 0.0)
    normal = matrix.normal(give.sum(axis=1))
    diagonal = np.arange(normal.shape[-1])
    # The factor keeps rows that depend on each other apart by more than rounding.
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1.0 + 1e-13) + s / v

    def direction(cx: Array, cy: Array, cs: Array) -> tuple[Array, ...]:
        """Newton step that changes the products by cx, cy, cs."""
        right = dual + cx / x - cy / y
        total = matrix.load((give * right).sum(axis=1)) + cs / v - primal
        dv = np.linalg.solve(normal, total[..., None])[..., 0]
        dx = give * (right - matrix.pull(dv))
        return dx, -dx, cx / x - zx * dx, cy / y + wy * dx, (cs - s * dv) / v, dv

    def moved(change: tuple[Array, ...], step: Array) -> tuple[Array, ...]:
        shaped = step[:, None], step[:, None, None]
        return tuple(a + shaped[a.ndim - 2] * b for a, b in zip(point, change, strict=True))

    change = direction(-xz, -yw, -sv)
    centring = (_products(moved(change, _step(point, change, 1.0)))[3] / mean) ** 3
    if patient:
        # On a bent law the second-order term can send two racks in circles; plain centred steps end it.
        centring = np.maximum(centring, 0.3)
        change = tuple(np.zeros_like(value) for value in change)
    target = np.maximum(centring * mean, 0.1 * GAP)[:, None]
    dx, dy, dz, dw, ds, dv = change
    change = direction(
        target[..., None] - xz - dx * dz, target[..., None] - yw - dy * dw, target - sv - ds * dv
    )
    return moved(change, _step(point, change, 0.995))


def _step(point: tuple[Array, ...], change: tuple[Array, ...], part: float) -> Array:
    """Longest step up to 1 that keeps every value positive, times `part` where one would end, (scenario,)."""
    ratio = [(-b / a).reshape(len(a), -1).max(axis=1) for a, b in zip(point, change, strict=True)]
    return np.minimum(1.0, part / np.maximum(np.max(ratio, axis=0), part))
