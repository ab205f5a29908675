"""The trace that a event belongs to."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0002_delivery_claims_and_ledger")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="event",
            name="trace",
            field=models.CharField(blank=True, default="", max_length=55),
        ),
    ]
