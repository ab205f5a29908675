"""The trace that a run belongs to."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0009_run_expected")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="run",
            name="trace",
            field=models.CharField(blank=True, default="", max_length=55),
        ),
    ]
