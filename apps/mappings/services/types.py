"""Types: the built-in ones and the organization's own, which inherit from a parent."""

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction

from apps.mappings.models import Mapping, ObjectType, Schema, SemanticType
from datalinx.caller import Caller
from datalinx.engine.compile.decorators import decorators_as_documents
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError, Invalid, NotFound


def list_own_types(organization_id: str) -> list[dict[str, Any]]:
    """Return the organization's own types as documents, in the order they were made."""
    rows = SemanticType.objects.for_organization(organization_id).order_by("created_at", "pk")
    return [row.document for row in rows]


def make_registry(documents: list[dict[str, Any]]) -> TypeRegistry:
    """Return the registry of the built-in types and these."""
    return TypeRegistry([parse_document(CustomTypeDocument, document) for document in documents])


def get_registry(organization_id: str) -> TypeRegistry:
    """Return the registry of an organization."""
    return make_registry(list_own_types(organization_id))


def describe_types(organization_id: str) -> list[dict[str, Any]]:
    """Return every type as the API shows it; the organization's own with all that their documents say."""
    own = {document["name"]: document for document in list_own_types(organization_id)}
    shown: list[dict[str, Any]] = get_registry(organization_id).as_documents()
    return [{**document, **own.get(document["name"], {})} for document in shown]


def describe_decorators(organization_id: str) -> list[dict[str, Any]]:
    """Return every decorator with the JSON Schema of its parameters, the organization's own types included."""
    return list(decorators_as_documents(get_registry(organization_id)))


@transaction.atomic
def put_semantic_type(*, actor: Caller, name: str | None, document: Any) -> tuple[dict[str, Any], bool]:
    """Add a type (`name` None) or put the one of that name; return it and whether it is new.

    Raises Invalid with paths to every fault, SEMANTIC_TYPE_NAME_TAKEN, and when types that inherit would break.
    """
    given = {**document, "name": name} if name is not None and isinstance(document, dict) else document
    parsed = parse_document(CustomTypeDocument, given)
    rows = SemanticType.objects.for_organization(actor.organization_id)
    row = rows.filter(name__iexact=parsed.name).first() if name is not None else None
    taken = Invalid(
        "SEMANTIC_TYPE_NAME_TAKEN",
        f"There is a type named {parsed.name!r} already; choose another name.",
        errors=[FieldError("name", "taken", "This name is taken.")],
    )
    if parsed.name in TypeRegistry():
        raise taken
    if faults := get_registry(actor.organization_id).check_document(parsed):
        raise refusal(faults)
    is_new = row is None
    if row is not None:
        _require_same_base(actor.organization_id, row.name, parsed)
    row = row or SemanticType(organization_id=actor.organization_id, name=parsed.name, created_by=actor.id)
    row.document = document_to_json(parsed)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise taken from error
    # What inherits from this type must still hold together.
    get_registry(actor.organization_id)
    return row.document, is_new


@transaction.atomic
def delete_semantic_type(*, actor: Caller, name: str) -> None:
    """Delete an own type that nothing stands on or uses. Raises NotFound, Invalid SEMANTIC_TYPE_IN_USE."""
    row = SemanticType.objects.for_organization(actor.organization_id).filter(name=name).first()
    if row is None:
        raise NotFound("SEMANTIC_TYPE_NOT_FOUND", f"The organization has no type {name!r} of its own.")
    heirs = [doc["name"] for doc in list_own_types(actor.organization_id) if doc.get("parent") == name]
    if heirs:
        message = f"The type {heirs[0]!r} inherits from this one; delete or change it first."
        raise Invalid("SEMANTIC_TYPE_IN_USE", message)
    if use := _find_use(actor.organization_id, {name}):
        raise Invalid("SEMANTIC_TYPE_IN_USE", f"{use}; change that first.")
    row.delete()


def _require_same_base(organization_id: str, name: str, document: CustomTypeDocument) -> None:
    """Refuse another base type under a type that is in use: what is stored of it would no longer fit."""
    registry = get_registry(organization_id)
    if registry.base_of(document.parent) is registry.base_of(name):
        return
    standing = {kind.name for kind in registry.semantic_types() if name in registry.ancestors(kind.name)}
    if use := _find_use(organization_id, standing):
        message = f"{use}, where it is a {registry.base_of(name).name}; change that first, or add a new type."
        raise Invalid("SEMANTIC_TYPE_IN_USE", message, errors=[FieldError("parent", "in_use", message)])


def _find_use(organization_id: str, names: Collection[str]) -> str | None:
    """Return in one clause where a schema, a mapping or an object type of the organization names one of the types."""
    schemas = Schema.objects.for_organization(organization_id).order_by("pk").select_related("workspace")
    for schema in schemas.iterator():
        for table in schema.document.get("tables", []):
            for column in table.get("columns", []):
                if column.get("type") in names:
                    place = f"{table['name']}.{column['name']}"
                    return f"The column {place} of the workspace {schema.workspace.name!r} is of this type"
    mappings = Mapping.objects.for_organization(organization_id).order_by("pk").select_related("workspace")
    for mapping in mappings.iterator():
        for name, field in mapping.document.get("fields", {}).items():
            if any(decorator.get("name") in names for decorator in field.get("decorators", [])):
                place = f"{mapping.table_name}.{name}"
                return f"The field {place} of the workspace {mapping.workspace.name!r} uses this type"
    entities = ObjectType.objects.for_organization(organization_id).order_by("pk").select_related("workspace")
    for entity in entities.iterator():
        for attribute in entity.document["attributes"]:
            if attribute.get("type") in names:
                place = f"{attribute['name']!r} of the object type {entity.name!r}"
                return f"The attribute {place} in the workspace {entity.workspace.name!r} is of this type"
    return None
