"""Incidents: a check that found something, and how two people ended the safe mode it began."""

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Questions about incidents."""

    def open(self) -> "IncidentQuerySet":
        """Return those that nobody has ended: while there is one, the house is in safe mode."""
        return self.filter(closing__isnull=True).order_by("opened_at")

    def newest_first(self) -> "IncidentQuerySet":
        """Return all, the newest first, each with how it ended."""
        return self.select_related("closing__request").order_by("-opened_at", "-id")


class Incident(models.Model):
    """What a check of the books found; while it is not closed the house is in safe mode.

    In safe mode nothing is redeemed, settled or paid. ``findings`` keeps what was seen, at most
    twenty a rule; ``digest`` stands in the signed log.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    opened_at = models.DateTimeField()
    opened_by = models.JSONField()
    findings = models.JSONField()
    digest = models.CharField(max_length=64)
    entry_id = models.UUIDField()

    objects = IncidentQuerySet.as_manager()

    class Meta:
        verbose_name = "核对异常"
        permissions = [
            ("view_incidents", "查看账簿核对结果"),
            ("lift_safe_mode", "申请与确认解除安全模式"),
        ]

    def __str__(self) -> str:
        """Return when it was opened."""
        return f"{self.opened_at:%Y-%m-%d} {self.digest[:8]}"


class IncidentRequest(models.Model):
    """One person asks to end the safe mode, and says why that is safe."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="requests")
    reason = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.JSONField()
    asked_name = models.CharField(max_length=100)
    asked_person = models.CharField(max_length=64)

    class Meta:
        verbose_name = "解除申请"
        ordering = ["asked_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(asked_person="") & ~Q(reason=""), name="incident_asked_by_somebody"
            )
        ]

    def __str__(self) -> str:
        """Return who asked."""
        return self.asked_name


class IncidentClosing(models.Model):
    """Another person confirms: the safe mode ends. The database holds that they are two."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="closing")
    request = models.OneToOneField(
        IncidentRequest, on_delete=models.PROTECT, related_name="closing"
    )
    closed_at = models.DateTimeField()
    closed_by = models.JSONField()
    closed_name = models.CharField(max_length=100)
    closed_person = models.CharField(max_length=64)
    asked_person = models.CharField(max_length=64)
    entry_id = models.UUIDField()

    class Meta:
        verbose_name = "安全模式解除"
        constraints = [
            models.CheckConstraint(
                condition=~Q(closed_person="") & ~Q(closed_person=F("asked_person")),
                name="incident_two_persons",
            )
        ]

    def __str__(self) -> str:
        """Return who confirmed."""
        return self.closed_name
