"""What every model shares: prefixed ids, times, and the verbs that scope a queryset to a tenant."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import orjson
from django.db import InterfaceError, InternalError, OperationalError, connection, models
from django.db.models.expressions import RawSQL

from datalinx.ids import new_id

# Django's fields are generic for the type checker alone.
if TYPE_CHECKING:
    _TextField = models.CharField[str, str]
else:
    _TextField = models.CharField


# What is raised when the database broke off and nothing is wrong with the work: connections that were ended, locks, a
# server that starts, one that may only be read since another is the first (`InternalError`, as is a session that
# stood still for too long).
BROKEN_OFF = (OperationalError, InterfaceError, InternalError)


class PrefixedIdField(_TextField):
    """A primary key such as `ws_01jd…`, made when the row is made."""

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.update(max_length=40, primary_key=True, editable=False, default=partial(new_id, prefix))
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for key in ("max_length", "primary_key", "editable", "default"):
            kwargs.pop(key, None)
        return name, path, args, {**kwargs, "prefix": self.prefix}


def listed(values: Iterable[str]) -> RawSQL:
    """Return many texts as a sub-query, for `pk__in=`: they go to the database as one value.

    A placeholder for each of a thousand costs the ORM and the driver more than the database takes for the statement.
    """
    text = orjson.dumps(list(values)).decode()
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [text])
    return RawSQL("SELECT jsonb_array_elements_text(%s::jsonb)", [text])


class OrganizationQuerySet(models.QuerySet[Any]):
    """Rows that belong to an organization. No list of them is made without this verb."""

    def for_organization(self, organization_id: str) -> Self:
        return self.filter(organization_id=organization_id)


class WorkspaceQuerySet(models.QuerySet[Any]):
    """Rows that belong to a workspace. They are reached through these verbs and no others."""

    def for_workspace(self, workspace_id: str) -> Self:
        return self.filter(workspace_id=workspace_id)

    def for_organization(self, organization_id: str) -> Self:
        return self.filter(workspace__organization_id=organization_id)


class Timestamped(models.Model):
    """When a row was made and last changed, in UTC, and the id of who made it."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.CharField(max_length=40, blank=True, default="", editable=False)

    class Meta:
        abstract = True


class OrganizationModel(Timestamped):
    """A row of an organization."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        abstract = True


class WorkspaceModel(Timestamped):
    """A row of a workspace."""

    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="+")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        abstract = True
