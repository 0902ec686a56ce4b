"""The owners of jobs that were there before they noted them."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def note_the_owner(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    photos = apps.get_model("jobs", "Photo").objects.filter(pk=OuterRef("photo_id"))
    jobs = apps.get_model("jobs", "Job").objects
    jobs.filter(owner=None).update(owner_id=Subquery(photos.values("owner_id")[:1]))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_job_owner")]

    operations = [migrations.RunPython(note_the_owner, migrations.RunPython.noop)]
