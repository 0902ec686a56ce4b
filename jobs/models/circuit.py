"""Whether RunPod takes jobs."""

from __future__ import annotations

from django.db import models


class Circuit(models.Model):
    """The one row that says whether RunPod takes jobs at all, for every process to read."""

    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="For who runs the site.")
    # When RunPod first refused everything; null while it takes jobs.
    opened_at = models.DateTimeField(null=True, blank=True)
    # When the next job is let through, to see whether it goes again.
    probe_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "RunPod circuit"
        verbose_name_plural = "RunPod circuit"

    def __str__(self) -> str:
        return self.reason if self.opened_at else "RunPod takes jobs."
