"""How a run says whether it has a privacy guarantee. Pages and the API say it too, so nothing heavy is loaded here."""

from __future__ import annotations

from typing import Any

GUARANTEED, NOT_GUARANTEED = "differential privacy", "none"

NON_PRIVATE: dict[str, Any] = {"type": "NonPrivateDpEvent"}
"""The event of reading rows without protection: there is no ε, whatever else happened."""
