"""The units beside the types can be read, and every public kernel is annotated with them."""

import inspect
from typing import get_type_hints

import pint
import pytest

from thermal import air, coldplate, exchanger, fluid, loop, pipe, pump, quantities, rejection

ALIASES = {name: value for name, value in vars(quantities).items() if hasattr(value, "__metadata__")}
KERNELS = [
    function
    for module in (air, coldplate, exchanger, fluid, loop, pipe, pump, rejection)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
]


def test_units_are_readable_and_coherent() -> None:
    registry = pint.UnitRegistry()
    for name, alias in ALIASES.items():
        (unit,) = alias.__metadata__
        one = registry.Quantity(1.0, registry.parse_units(unit))
        # Coherent SI: the unit is its own base unit.
        assert one.to_base_units().magnitude == 1.0, name


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_kernels_say_their_quantities(kernel) -> None:
    hints = get_type_hints(kernel, include_extras=True)
    assert set(hints) == {*inspect.signature(kernel).parameters, "return"}
    for name, hint in hints.items():
        if name not in ("fluid", "coefficients") and not str(hint).startswith("tuple"):
            assert hasattr(hint, "__metadata__"), name
