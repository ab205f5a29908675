"""The filters of lists of sources and of destinations."""

import django_filters

from apps.sources.models import Destination, Source
from datalinx.api.filters import choice_filter


class SourceFilter(django_filters.FilterSet):
    """By connector, status and name."""

    connector = django_filters.CharFilter()
    status = choice_filter(Source.Status.choices)
    name = django_filters.CharFilter()

    class Meta:
        model = Source
        fields = ("connector", "status", "name")


class DestinationFilter(django_filters.FilterSet):
    """By connector, status and name."""

    connector = django_filters.CharFilter()
    status = choice_filter(Destination.Status.choices)
    name = django_filters.CharFilter()

    class Meta:
        model = Destination
        fields = ("connector", "status", "name")
