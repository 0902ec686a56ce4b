"""Streams whose final event was appended before they noted it themselves."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, OuterRef


def note_the_end(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    stream, event = apps.get_model("events", "Stream"), apps.get_model("events", "Event")
    final = event.objects.filter(stream=OuterRef("pk"), final=True)
    stream.objects.filter(Exists(final)).update(ended=True)


class Migration(migrations.Migration):
    dependencies = [("events", "0002_pruning")]

    operations = [migrations.RunPython(note_the_end, migrations.RunPython.noop)]
