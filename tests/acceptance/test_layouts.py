"""Every built-in layout as it comes: it solves, its ledgers close, and what lies outside a limit is written down."""

import numpy as np
import pytest

import twin
from twin.layout import builtin_layouts

LEDGERS = {"ledger_power": 1e-9, "ledger_rack": 1e-6, "ledger_heat": 1e-6}

# Rule -> largest excess, and words of the assumption in which a layout owns up to it.
DOCUMENTED = {
    "L2-return": (0.9, "over the 55 degC of the rack"),
    "E7-clearing": (3.3, "up to 8.3 s, to clear a fault to earth"),
    "E17-least-load": (0.04, "loads a generator to 26 % of its rating"),
}
ROUNDING = 1e-9


@pytest.fixture(scope="module", params=builtin_layouts())
def layout(request):
    facility = twin.load(request.param)
    return facility, twin.solve(facility)


def test_it_solves_with_closed_ledgers(layout):
    _, state = layout
    assert state.converged.all()
    for name, most in LEDGERS.items():
        assert np.abs(state[name].values).max() < most, name
    assert (state.tokens.values > 0).all()


def test_only_what_it_states_is_outside_a_limit(layout):
    facility, state = layout
    written = " ".join(facility.layout.assumptions)
    worst = {code: float(margin.min()) for code, margin in twin.check(facility, state).items() if margin.size}
    outside = {code: margin for code, margin in worst.items() if margin < -ROUNDING}
    unknown = {
        code: margin
        for code, margin in outside.items()
        if code not in DOCUMENTED or margin < -DOCUMENTED[code][0] or DOCUMENTED[code][1] not in written
    }
    assert not unknown, f"{facility.name} does not state these in its assumptions"
