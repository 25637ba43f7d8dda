"""Read OpenStack lifecycle events (a JSON list of notifications) as sessions of machines.

One source of truth for a session: it begins where ``compute.instance.create.end`` says that it
was launched and ends where ``compute.instance.delete.end`` says that it was deleted, in whatever
order the two stand. The hourly ``exists`` audits and all other events speak of the same session
and are set aside, never added up. A session without an end is open; an end without a beginning
is listed: nobody may guess when it began.

Devices are those that the mapping's ``[devices]`` declares for the instance type, else the vCPUs;
the model is the instance type, which ``[models]`` translates.
"""

import json
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from slq.mapping import Mapping
from slq.profiles import Mapped
from slq.slurm import Aside, Line
from slq.times import Unclear, moment, stamp

_BEGAN, _ENDED = "compute.instance.create.end", "compute.instance.delete.end"
Event = dict[str, Any]


def read_events(text: str, zone: tzinfo | None, mapping: Mapping) -> Iterator[tuple[int, Line]]:
    """Yield each event with its place in the list, the first being 1.

    Raises:
        ValueError: not a list of events.
    """
    events = json.loads(text)
    if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
        raise ValueError("a list of events is needed")
    if not any("event_type" in each for each in events):
        raise ValueError("event_type")
    began, ended = _of(events, _BEGAN), _of(events, _ENDED)
    for number, event in enumerate(events, start=1):
        instance, kind = event.get("instance_id"), event.get("event_type")
        if kind == _BEGAN:
            yield number, _session(number, began[instance], ended.get(instance, []), zone, mapping)
        elif kind == _ENDED and instance not in began:
            yield number, Unclear("no_beginning", instance=instance)
        else:
            yield number, Aside("events")


def _of(events: list[Event], kind: str) -> dict[Any, list[Event]]:
    """Return the events of one kind by machine."""
    found: dict[Any, list[Event]] = {}
    for each in events:
        if each.get("event_type") == kind:
            found.setdefault(each.get("instance_id"), []).append(each)
    return found


def _session(
    number: int,
    began: list[Event],
    ended: list[Event],
    zone: tzinfo | None,
    mapping: Mapping,
) -> Line:
    if len(began) > 1 or len(ended) > 1:
        return Unclear("several_sessions", instance=began[0].get("instance_id"))
    try:
        return _mapped(number, began[0], ended[0] if ended else None, zone, mapping)
    except Unclear as unclear:
        return unclear


def _mapped(
    number: int, first: Event, last: Event | None, zone: tzinfo | None, mapping: Mapping
) -> Mapped:
    flavour = _text(first, "instance_type")
    started_at = moment(_text(first, "launched_at"), zone)
    ended_at = moment(_text(last, "deleted_at"), zone) if last is not None else None
    if ended_at is not None and ended_at < started_at:
        raise Unclear("backwards", text=f"{stamp(started_at)} .. {stamp(ended_at)}")
    count = mapping.devices.get(flavour) or _text(first, "vcpus")
    if not (count.isascii() and count.isdigit()):
        raise Unclear("number_form", name="vcpus", text=count)
    record = {
        "record_id": f"openstack:{_text(first, 'instance_id')}",
        "device_model": flavour,
        "device_count": count,
        "job_ref": _text(first, "instance_id"),
        "started_at": stamp(started_at),
    }
    if ended_at is not None:
        record["ended_at"] = stamp(ended_at)
    return Mapped(number, _text(first, "project_id"), record, started_at, ended_at)


def _text(event: Event, name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise Unclear("cell_missing", name=name)
    return value
