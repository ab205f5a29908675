"""What saved queries and audiences read of the target tables."""

from apps.analytics.models import Audience, SavedQuery
from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.readers import audience_links, query_links
from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.base import parse_document

Columns = dict[str, list[str]]


def list_query_links(workspace_id: str, tables: Columns) -> list[Link]:
    """Return the links of every saved query; `tables` are the columns of the stored tables."""
    rows = SavedQuery.objects.for_workspace(workspace_id).only("id", "name", "document").order_by("name")
    return [
        link
        for row in rows.iterator(chunk_size=200)
        for link in query_links(Place("query", row.name, id=row.pk), row.document["sql"], tables)
    ]


def list_audience_links(workspace_id: str) -> list[Link]:
    """Return the links of every audience."""
    rows = list(Audience.objects.for_workspace(workspace_id).only("id", "name", "document").order_by("name"))
    places = {row.pk: Place("audience", row.name, id=row.pk) for row in rows}
    return [
        link
        for row in rows
        for link in audience_links(places[row.pk], parse_document(AudienceDocument, row.document), places)
    ]
