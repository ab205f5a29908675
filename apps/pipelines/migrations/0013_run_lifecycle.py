from typing import ClassVar

from django.db import migrations, models

from datalinx.transitions import TransitionsConstraint


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0012_run_log_attempt")]

    operations: ClassVar = [
        migrations.AddField(model_name="run", name="handovers", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="run", name="protocol", field=models.PositiveIntegerField(default=1)),
        migrations.AddConstraint(
            model_name="run",
            constraint=TransitionsConstraint(
                name="run_status_is_never_left_so",
                field="status",
                allowed={
                    "queued": ["running", "failed", "cancelled"],
                    "running": ["queued", "success", "failed", "cancelled"],
                },
            ),
        ),
    ]
