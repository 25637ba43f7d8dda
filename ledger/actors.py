"""Who did it: the snapshot of a person or system that every act is handed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody or something that acts, as known at that moment.

    Args:
        kind: ``user``, ``provider_key`` or ``system``.
        id: opaque id of the account, key or job; never a name.
        name: display name for pages and state rows; never enters the log.
        role: seat or bureau role under which the act is done.
        person: hash of the natural person behind the account; empty for systems.
            Separation of duties compares persons, not accounts.
    """

    kind: str
    id: str
    name: str
    role: str
    person: str = ""

    def for_log(self) -> dict[str, str]:
        """Return what the public log may know: kind, opaque id and role."""
        return {"kind": self.kind, "id": self.id, "role": self.role}


def system_actor(job: str) -> Actor:
    """Return the named service principal under which a job acts."""
    return Actor(kind="system", id=job, name=f"系统（{job}）", role="system")
