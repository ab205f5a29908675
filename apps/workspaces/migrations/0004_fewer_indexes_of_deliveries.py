"""Fewer indexes of deliveries: those that others begin with, and those for LIKE, are only written and never read."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0003_trace")]

    operations: ClassVar = [
        # With the event first it also finds those of an event.
        migrations.RemoveConstraint("delivery", "delivery_of_an_event_is_unique_to_webhook"),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                models.F("event"), models.F("webhook"), name="delivery_of_an_event_is_unique_to_webhook"
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="event",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="workspaces.event",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="webhook",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="workspaces.webhook",
            ),
        ),
        migrations.AlterField(
            model_name="deliveryattempt",
            name="delivery",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="log",
                to="workspaces.delivery",
            ),
        ),
    ]
