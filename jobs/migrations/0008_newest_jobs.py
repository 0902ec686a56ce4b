"""Which jobs and results are shown, of photos that had several before that was noted."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, F, OuterRef, Q


def note_what_is_shown(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    jobs = apps.get_model("jobs", "Job").objects
    is_later = Q(created_at__gt=OuterRef("created_at")) | Q(
        created_at=OuterRef("created_at"), id__gt=OuterRef("id")
    )
    later = jobs.filter(is_later, photo=OuterRef("photo"))
    jobs.filter(Exists(later)).update(is_newest=False)
    apps.get_model("jobs", "Restore").objects.update(chosen_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_grid_of_photos")]

    operations = [migrations.RunPython(note_what_is_shown, migrations.RunPython.noop)]
