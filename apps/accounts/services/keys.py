"""Service accounts and their keys. A key is shown once; only its hash is kept."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import ApiKey, ServiceAccount
from apps.accounts.roles import READER
from apps.accounts.services.people import find_role
from datalinx.caller import Caller
from datalinx.errors import FieldError, Invalid

PREFIX = "dlx_sk_live_"


def digest_of(key: str) -> str:
    """Return what is stored of a key. The key is 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def make_key(account: ServiceAccount) -> str:
    """Make a key for a service account and return it: the one time that it is known."""
    key = PREFIX + secrets.token_urlsafe(32)
    ApiKey.objects.create(service_account=account, digest=digest_of(key), last_four=key[-4:])
    return key


@transaction.atomic
def create_service_account(
    *,
    actor: Caller,
    name: str,
    role: str = READER,
    description: str = "",
    expires_at: datetime | None = None,
) -> tuple[ServiceAccount, str]:
    """Make a service account and return it with its key. Raises Invalid SERVICE_ACCOUNT_NAME_TAKEN."""
    given = find_role(organization_id=actor.organization_id, name_or_id=role)
    if expires_at is not None and expires_at <= timezone.now():
        message = "expires_at must lie in the future."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("expires_at", "invalid", message)])
    try:
        with transaction.atomic():
            account = ServiceAccount.objects.create(
                organization_id=actor.organization_id,
                name=name,
                role=given,
                description=description,
                expires_at=expires_at,
                created_by=actor.id,
            )
    except IntegrityError as error:
        message = f"There is a service account named {name!r} already; choose another name."
        errors = [FieldError("name", "taken", message)]
        raise Invalid("SERVICE_ACCOUNT_NAME_TAKEN", message, errors=errors) from error
    return account, make_key(account)


@transaction.atomic
def rotate_key(*, actor: Caller, account: ServiceAccount, grace_period_seconds: int = 0) -> str:
    """Make a new key and return it; the old one stops now, or after the grace period."""
    retires_at = timezone.now() + timedelta(seconds=grace_period_seconds)
    account.keys.filter(Q(retires_at=None) | Q(retires_at__gt=retires_at)).update(retires_at=retires_at)
    account.keys.filter(retires_at__lte=timezone.now()).delete()
    return make_key(account)


def find_account_by_key(key: str) -> tuple[ServiceAccount, ApiKey] | None:
    """Return the live service account of a key, with the key's row, or None."""
    now = timezone.now()
    row = (
        ApiKey.objects.filter(Q(retires_at=None) | Q(retires_at__gt=now), digest=digest_of(key))
        .select_related("service_account__organization", "service_account__role")
        .first()
    )
    if row is None:
        return None
    account = row.service_account
    if account.expires_at is not None and account.expires_at <= now:
        return None
    if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return account, row
