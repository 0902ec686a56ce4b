"""Events that were appended before they noted which job they are about."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Substr

# A snapshot's text begins with its job's id, 36 characters.
_BEGINNING = '{"job_id":"'


def note_the_job(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    events = apps.get_model("events", "Event").objects
    snapshots = events.filter(subject="", data__startswith=_BEGINNING)
    snapshots.update(subject=Substr("data", len(_BEGINNING) + 1, 36))
    events.filter(type="progress").update(transient=True)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("events", "0003_ended_streams")]

    operations = [migrations.RunPython(note_the_job, migrations.RunPython.noop)]
