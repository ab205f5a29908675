"""The shapes of bodies: serializers that refuse unknown fields and never turn one type into another."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import models
from pydantic import BaseModel
from rest_framework import serializers

# The server's own fields may be sent back, so that what GET gave can be PUT; they are ignored.
SERVER_FIELDS = frozenset({"id", "version", "created_at", "updated_at", "created_by"})


class Text(serializers.CharField):
    """A text; a number or a truth value is not one."""

    default_error_messages: ClassVar = {"invalid": "This has to be a text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    """True or false; `"yes"` and 1 are neither."""

    default_error_messages: ClassVar = {"invalid": "This has to be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class WholeNumber(serializers.IntegerField):
    """A whole number; a text of digits, a truth value and a number with a fraction are none."""

    default_error_messages: ClassVar = {"invalid": "This has to be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Choice(serializers.ChoiceField):
    """One of a few words; a refusal names them."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.error_messages["invalid_choice"] = refused_choice(self.choices)


def refused_choice(words: Iterable[Any]) -> str:
    """The sentence for a word that is none of these."""
    return f"Choose one of: {', '.join(str(word) for word in words)}."


class _Strict:
    """Refuse keys that the serializer does not have, with the path to them."""

    # Fields that an answer carries beside the writable ones and that may be sent back.
    ignored_fields: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            message = "This has to be a JSON object."
            raise serializers.ValidationError({"non_field_errors": [message]}, code="invalid")
        if data:
            fields = self.fields  # type: ignore[attr-defined]  # a mixin of serializers
            ignored = (
                SERVER_FIELDS
                | self.ignored_fields
                | {name for name, field in fields.items() if field.read_only}
            )
            unknown = [key for key in data if key not in fields and key not in ignored]
            if unknown:
                message = "This field is not known here; leave it out."
                raise serializers.ValidationError(
                    {key: serializers.ErrorDetail(message, code="unknown_field") for key in unknown[:20]}
                )
        return super().to_internal_value(data)  # type: ignore[misc]  # a mixin of serializers


class StrictSerializer(_Strict, serializers.Serializer[Any]):
    """A serializer of plain values."""


class StrictModelSerializer(_Strict, serializers.ModelSerializer[Any]):
    """A serializer of a model's rows. Writing goes through services, never through `save`."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: Text,
        models.TextField: Text,
        models.BooleanField: Flag,
        models.IntegerField: WholeNumber,
        models.PositiveIntegerField: WholeNumber,
    }
    serializer_choice_field = Choice


class DeletedSerializer(serializers.Serializer[Any]):
    """What a delete answers."""

    id = serializers.CharField()
    deleted = serializers.BooleanField()


class DocumentField(serializers.JSONField):
    """A JSON document whose one definition is a pydantic model of `datalinx/engine/spec`."""

    def __init__(self, model: type[BaseModel], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)
