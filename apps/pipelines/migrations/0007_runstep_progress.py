from typing import Any, ClassVar

from django.db import migrations, models


def tell_what_is_done(apps: Any, schema_editor: Any) -> None:
    """Steps that had succeeded before there was a progress of steps are done all the same."""
    apps.get_model("pipelines", "RunStep").objects.filter(status="success").update(progress=1.0)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pipelines", "0006_table_delivery")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="runstep",
            name="progress",
            field=models.FloatField(default=0.0),
        ),
        migrations.AddField(
            model_name="runstep",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(tell_what_is_done, migrations.RunPython.noop),
    ]
