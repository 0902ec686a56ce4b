from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0019_job_ahead")]

    operations = [
        migrations.RemoveIndex(model_name="job", name="job_by_silence"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(status__in=["pending", "queued", "processing"]),
                fields=["status"],
                name="job_under_way",
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                on_delete=models.CASCADE,
                related_name="jobs",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
