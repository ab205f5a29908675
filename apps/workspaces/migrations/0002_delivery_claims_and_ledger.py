from typing import Any

from django.db import migrations, models
from django.db.models import Count


def number_attempts_anew(apps: Any, schema_editor: Any) -> None:
    """Number the attempts of deliveries that were replayed: each replay used to begin at 1 again."""
    attempts = apps.get_model("workspaces", "DeliveryAttempt").objects
    deliveries = apps.get_model("workspaces", "Delivery").objects
    twice = attempts.values("delivery_id", "number").annotate(times=Count("pk")).filter(times__gt=1)
    for delivery_id in set(twice.order_by().values_list("delivery_id", flat=True)):
        delivery = deliveries.get(pk=delivery_id)
        found = list(attempts.filter(delivery_id=delivery_id).order_by("pk").values_list("pk", flat=True))
        for number, attempt_id in enumerate(found, start=1):
            attempts.filter(pk=attempt_id).update(number=number)
        deliveries.filter(pk=delivery_id).update(
            attempts=len(found), replayed_from=max(0, len(found) - delivery.attempts)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="delivery",
            name="delivery_by_due",
        ),
        migrations.AddField(
            model_name="delivery",
            name="claimed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="fence",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="delivery",
            name="replayed_from",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="deliveryattempt",
            name="response_body",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="webhook",
            name="disabled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="webhook",
            name="failing_again_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="webhook",
            name="older_secrets",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="workspace",
            name="events_swept_to",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="deliveryattempt",
            name="at",
            field=models.DateTimeField(),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("webhook"),
                models.F("due_at"),
                condition=models.Q(("status", "pending")),
                name="delivery_by_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(models.F("webhook"), models.F("created_at"), name="delivery_by_webhook"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(models.F("created_at"), name="event_by_time"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                models.F("webhook"), models.F("event"), name="delivery_of_an_event_is_unique_to_webhook"
            ),
        ),
        migrations.RunPython(number_attempts_anew, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=models.UniqueConstraint(
                models.F("delivery"), models.F("number"), name="attempt_number_is_unique_in_delivery"
            ),
        ),
    ]
