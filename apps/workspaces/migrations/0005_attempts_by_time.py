"""Attempts are counted by time and outcome."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0004_fewer_indexes_of_deliveries")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="deliveryattempt",
            index=models.Index(models.F("at"), models.F("response_status"), name="attempt_by_time"),
        ),
    ]
