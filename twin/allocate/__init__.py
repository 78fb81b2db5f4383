"""Who gets the power: shared limits divided among racks, and what a unit of each limit is worth.

Every rack r turns power p into tokens by a concave law T_r(p) between a floor and a ceiling of its own. Shared limits
(RPP, UPS, transformer, CDU, fan wall, ...) are rows ``share @ power <= capacity``. Nothing here looks across scenarios.
"""

from twin.allocate.policy import Policy, allocate, shed
from twin.allocate.rows import Caps

__all__ = ["Caps", "Policy", "allocate", "shed"]
