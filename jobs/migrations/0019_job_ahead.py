from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0018_closing")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="ahead",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
    ]
