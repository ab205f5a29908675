"""The target schema: its tables and their columns."""

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import cut

COLUMNS = 100


@page("schema", methods=("GET", "POST"))
def schema(place: Place) -> HttpResponse:
    """List the target tables; without any, offer the templates."""
    if place.request.method == "POST":
        template = place.request.POST.get("template", "")
        try:
            place.api.send("POST", "schemas", "templates", template, "apply", data={})
            place.tell(f"The tables of the template {template} are in the schema.")
        except Refusal as refusal:
            place.tell_refusal(refusal)
        return place.redirect("schema")
    document = place.api.get("schemas", "workspace").data
    states = {
        each["table"]: each["status"] for each in place.api.every("schemas", "workspace", "sync", "status")
    }
    rows = [{**table, "state": states.get(table["name"], "")} for table in document["tables"]]
    return place.render(
        "schema.html",
        schema=document,
        pages=cut(place.request, rows),
        templates=[] if rows else place.api.get("schemas", "templates").data,
    )


@page("schema")
def table(place: Place, table: str) -> HttpResponse:
    """Show the columns of a target table and what it refers to."""
    document = place.api.get("schemas", "workspace", "tables", table).data
    keys = set(document["primary_key"])
    columns = [{**column, "is_key": column["name"] in keys} for column in document["columns"]]
    return place.render("schema_table.html", table=document, pages=cut(place.request, columns, size=COLUMNS))
