"""The filters of lists of people and organizations."""

import django_filters

from apps.accounts.models import Organization, User
from datalinx.api.filters import choice_filter


class UserFilter(django_filters.FilterSet):
    """By status, role and e-mail address."""

    status = choice_filter(User.Status.choices)
    role = django_filters.CharFilter(field_name="role__name", lookup_expr="iexact")
    email = django_filters.CharFilter(lookup_expr="iexact")

    class Meta:
        model = User
        fields = ("status", "role", "email")


class OrganizationFilter(django_filters.FilterSet):
    """By tier and slug."""

    tier = choice_filter(Organization.Tier.choices)
    slug = django_filters.CharFilter()

    class Meta:
        model = Organization
        fields = ("tier", "slug")
