"""Waiting before a pool of servers: Erlang C and its correction by Allen and Cunneen; and before one that pauses."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq


def erlang_c(servers: int, utilisation: float) -> float:
    """Probability that a request waits before `servers` equal servers, Poisson arrivals, exponential service.

    utilisation : load over servers, in [0, 1). By the recursion of the blocking probability (Erlang B).

    >>> erlang_c(1, 0.8), round(erlang_c(2, 0.5), 6)
    (0.8, 0.333333)
    """
    load, blocked = servers * utilisation, 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1.0 - utilisation * (1.0 - blocked))


def wait(quantile: float, servers: float, utilisation: float, service: float, variability: float) -> float:
    """Quantile of the queueing time before a pool of servers [s], Allen-Cunneen.

    quantile : in [0, 1). service : time of one request [s]. variability : mean of the squared coefficients of
    variation of arrivals and service, 1 for M/M/c. A request waits with the Erlang C probability; the wait is
    then exponential. `servers` between two integers takes the probability between theirs.
    """
    below = max(1, int(np.floor(servers)))
    part = max(servers - below, 0.0)
    waits = (1.0 - part) * erlang_c(below, utilisation) + part * erlang_c(below + 1, utilisation)
    rate = max(servers, 1.0) * (1.0 - utilisation) / service
    return variability / rate * max(0.0, float(np.log(max(waits, 1e-300) / (1.0 - quantile))))


def paused(quantile: float, utilisation: float, service: float, variability: float, pause: float) -> float:
    """Quantile of the queueing time before one server that pauses whenever nobody waits [s].

    quantile, utilisation : in [0, 1). service : time of one request [s]. variability : as for `wait`. pause : how long
    it pauses, over 0 [s]. The wait is that of the server without pauses and, independent of it, what is left of a
    pause, uniform in [0, pause] (Fuhrmann and Cooper, Operations Research 33, 1985).

    >>> paused(0.5, 0.0, 1.0, 1.0, 3.0), round(paused(0.99, 0.8, 2.0, 1.0, 1e-6) / wait(0.99, 1, 0.8, 2.0, 1.0), 6)
    (1.5, 1.0)
    """
    rate = (1.0 - utilisation) / (variability * service)
    queued = utilisation / rate
    over = -queued * float(np.expm1(-rate * pause)) / (pause * (1.0 - quantile))
    if over >= 1.0:
        return pause + float(np.log(over)) / rate

    def late(time: float) -> float:
        return time - quantile * pause + queued * float(np.expm1(-rate * time))

    return float(brentq(late, 0.0, pause))
