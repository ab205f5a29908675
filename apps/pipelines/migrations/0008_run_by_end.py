"""Runs by their end: what ended lately is counted often."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0007_runstep_progress")]

    operations: ClassVar = [
        migrations.AddIndex(model_name="run", index=models.Index(fields=["finished_at"], name="run_by_end")),
    ]
