"""The numbers of a training over its steps, thinned, however many steps there are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from engine.progress import TrainingNumbers

MOST_POINTS = 200


class TrainingSeries:
    """Points at about equal distances in steps, and always the newest one.

    Args:
        points: what earlier attempts of the run left, as JSON, oldest first.
    """

    def __init__(self, points: Iterable[dict[str, Any]] = ()) -> None:
        self._kept: list[dict[str, Any]] = list(points)
        self._newest: dict[str, Any] | None = None

    def add(self, numbers: TrainingNumbers) -> None:
        """Take the numbers of a step; those of later steps, which an attempt told and did not keep, are forgotten."""
        point = numbers.to_json()
        spacing = math.ceil(numbers.steps / (MOST_POINTS - 1))
        self._kept = [earlier for earlier in self._kept if earlier["step"] < numbers.step][: MOST_POINTS - 1]
        if not self._kept or numbers.step - self._kept[-1]["step"] >= spacing:
            self._kept.append(point)
        self._newest = point

    def points(self) -> list[dict[str, Any]]:
        """At most `MOST_POINTS` points as JSON, oldest first."""
        if self._newest is None or self._kept[-1] is self._newest:
            return list(self._kept)
        return [*self._kept, self._newest]
