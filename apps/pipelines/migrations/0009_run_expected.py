from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0008_run_by_end")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="run",
            name="expected",
            field=models.JSONField(default=dict),
        ),
    ]
