from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0003_storedtable_upkeep")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="storedtable",
            name="cursor_type",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
    ]
