"""The configuration of a PostgreSQL destination: which database and schema, how safely, how patiently."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from datalinx.engine.spec.base import Document, Name, Text
from datalinx.errors import FieldError

MAX_NAME_BYTES = 63
# What begins so is the platform's own in every schema that it delivers to.
RESERVED = "_datalinx_"

_PEM_BEGIN, _PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def _identifier(text: str) -> str:
    if len(text.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"PostgreSQL keeps names of at most {MAX_NAME_BYTES} bytes")
    return text


def _schema(text: str) -> str:
    if text.startswith("pg_") or text == "information_schema":
        raise ValueError("this schema is PostgreSQL's own; name another one")
    return text


def _table(text: str) -> str:
    if text.startswith(RESERVED):
        raise ValueError(f"names that begin with {RESERVED} are kept for the platform")
    return text


def _certificate(text: str) -> str:
    if _PEM_BEGIN not in text or _PEM_END not in text:
        raise ValueError("give the certificate as PEM text, from BEGIN CERTIFICATE to END CERTIFICATE")
    return text


Identifier = Annotated[Name, AfterValidator(_identifier)]
SchemaName = Annotated[Identifier, AfterValidator(_schema)]
TableName = Annotated[Identifier, AfterValidator(_table)]
Certificates = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_certificate)]


class PostgresqlConfig(Document):
    """A schema of a PostgreSQL database."""

    host: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="The server's name or address; a public one, or one of DATALINX_OUTBOUND_ALLOW_CIDRS."
    )
    port: int = Field(5432, ge=1, le=65_535)
    database: Identifier
    schema_name: SchemaName = Field(
        "public", alias="schema", description="The schema that tables are written to; it has to be there."
    )
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", description="As in libpq; `verify-full` also checks that the certificate is the host's."
    )
    ca_certificate: Certificates | None = Field(
        None, description="PEM of the authority that signed the server's certificate; else the system's."
    )
    connect_timeout: int = Field(10, ge=1, le=60, description="Seconds to wait for a connection.")
    statement_timeout: int = Field(
        3_600,
        ge=1,
        le=86_400,
        description="Seconds that one statement may take; a delivery is a few of them.",
    )

    def faults(self) -> Iterator[FieldError]:
        if self.sslmode == "verify-ca" and self.ca_certificate is None:
            message = "`verify-ca` trusts one authority: give its certificate, or use `verify-full`."
            yield FieldError("ca_certificate", "required", message)


class PostgresqlCredentials(Document):
    """A role of the server that may make tables in the schema."""

    user: Identifier
    password: Text = Field("", max_length=1_000, json_schema_extra={"format": "password", "writeOnly": True})
