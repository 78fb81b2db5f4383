"""Design rules as margins, by discipline. `RULES` holds them all, in the order of the report."""

from twin.rules import cooling, electrical, harmonic, phases, protection, site
from twin.rules.registry import RULES, Rule, margins, worst

__all__ = [
    "RULES",
    "Rule",
    "cooling",
    "electrical",
    "harmonic",
    "margins",
    "phases",
    "protection",
    "site",
    "worst",
]
