"""Privacy events as JSON: what a mechanism did, in a form that outlives the process and the library.

The events are dp-accounting's `DpEvent` classes. They are written by name and field and read back through a
whitelist, so data never names code to import. A class is never removed from the whitelist and never changes
meaning; a stored certificate must compose to the same ε in ten years.
"""

from __future__ import annotations

from typing import Any

import attr
from dp_accounting import dp_event

from engine.errors import UnsupportedEventError

EventJson = dict[str, Any]

_CLASSES: dict[str, type[dp_event.DpEvent]] = {
    known.__name__: known
    for known in (
        dp_event.NoOpDpEvent,
        dp_event.NonPrivateDpEvent,
        dp_event.GaussianDpEvent,
        dp_event.LaplaceDpEvent,
        dp_event.ZCDpEvent,
        dp_event.PoissonSampledDpEvent,
        dp_event.MixtureOfGaussiansDpEvent,
        dp_event.SelfComposedDpEvent,
        dp_event.ComposedDpEvent,
    )
}


def event_to_json(event: dp_event.DpEvent) -> EventJson:
    """Write an event as JSON.

    Args:
        event: an event whose class, and those of all events inside it, are known here.

    Raises:
        UnsupportedEventError: the class is not known.
    """
    name = type(event).__name__
    if _CLASSES.get(name) is not type(event):
        raise UnsupportedEventError(f"the privacy event {name} has no JSON form here")
    return {"type": name} | {field.name: _value_to_json(getattr(event, field.name)) for field in _fields(event)}


def event_from_json(value: EventJson) -> dp_event.DpEvent:
    """Read an event back; keys that belong to the record rather than to the event are ignored.

    Raises:
        UnsupportedEventError: the class is unknown, or a field is missing or of the wrong form.
    """
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise UnsupportedEventError("a recorded privacy event is of a kind that is not known here")
    names = [field.name for field in attr.fields(_CLASSES[kind])]
    if missing := [name for name in names if name not in value]:
        raise UnsupportedEventError(f"the recorded {kind} lacks {', '.join(missing)}")
    try:
        return _CLASSES[kind](**{name: _value_from_json(value[name]) for name in names})
    except (TypeError, ValueError) as error:
        raise UnsupportedEventError(f"the recorded {kind} has a field of the wrong form") from error


def delta_extra(value: EventJson) -> float:
    """δ that a recorded event uses beside its composition (a discovery threshold, a numerical reserve)."""
    extra = value.get("delta_extra", 0.0)
    if isinstance(extra, bool) or not isinstance(extra, int | float) or not 0.0 <= extra < 1.0:
        raise UnsupportedEventError("a recorded privacy event has a delta_extra outside [0, 1)")
    return float(extra)


def _fields(event: dp_event.DpEvent) -> tuple[Any, ...]:
    return tuple(attr.fields(type(event)))


def _value_to_json(value: Any) -> Any:
    if isinstance(value, dp_event.DpEvent):
        return event_to_json(value)
    if isinstance(value, list | tuple):
        return [_value_to_json(item) for item in value]
    return value


def _value_from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return event_from_json(value)
    if isinstance(value, list):
        return [_value_from_json(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a field of an event is a number, an event or a list of them")
    return value
