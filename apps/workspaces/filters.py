"""The filters of lists of webhooks."""

import django_filters

from apps.workspaces.models import Webhook


class WebhookFilter(django_filters.FilterSet):
    """By whether it is enabled."""

    enabled = django_filters.BooleanFilter()

    class Meta:
        model = Webhook
        fields = ("enabled",)
