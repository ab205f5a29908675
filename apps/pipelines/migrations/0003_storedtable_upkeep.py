from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0002_replay_and_verify")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="storedtable",
            name="kept_up_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="storedtable",
            name="expired_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
