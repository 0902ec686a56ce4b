"""Attempts of jobs that had ended before attempts noted that they end."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def note_the_end(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    jobs = apps.get_model("jobs", "Job").objects.filter(pk=OuterRef("job_id"))
    attempts = apps.get_model("jobs", "Attempt").objects.filter(job__finished_at__isnull=False)
    attempts.update(ended_at=Subquery(jobs.values("finished_at")[:1]))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_attempts_end")]

    operations = [migrations.RunPython(note_the_end, migrations.RunPython.noop)]
