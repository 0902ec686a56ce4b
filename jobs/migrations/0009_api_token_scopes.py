"""API tokens have scopes, may expire, and say when they were last used."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_newest_jobs")]

    operations = [
        migrations.AlterModelOptions(name="apitoken", options={"ordering": ["-created_at", "-id"]}),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            # What those could do that were made before there were scopes: everything.
            field=models.JSONField(default=["read", "restore", "events"]),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="apitoken", name="scopes", field=models.JSONField(default=list)
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(null=True, blank=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(null=True, blank=True),
        ),
    ]
