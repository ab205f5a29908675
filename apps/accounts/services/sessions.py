"""Logging in, refreshing, logging out, and changing one's own password."""

from functools import cache

from django.contrib.auth.hashers import check_password as check_hash
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.models import RefreshToken, User
from apps.accounts.services.setup import check_password
from apps.accounts.tokens import (
    ACCESS_LIFETIME,
    make_access_token,
    make_refresh_token,
    read_refresh_token,
)
from datalinx.errors import FieldError, Invalid, Unauthenticated
from datalinx.ids import new_id


@cache
def _hash_of_nobody() -> str:
    """Return what is checked for an address that nobody has, so that the answer takes the same time.

    Made at the first need: a hash costs a tenth of a second and 100 MB, which every process would pay at its start.
    """
    return make_password("nobody has this password")


def login(*, email: str, password: str) -> dict[str, object]:
    """Return a token answer. A wrong address and a wrong password fail alike, in the same time."""
    user = User.objects.filter(email=email.strip().lower()).first()
    matches = check_hash(password, user.password if user else _hash_of_nobody())
    if user is None or not matches or not user.is_active:
        raise Unauthenticated("INVALID_CREDENTIALS", "The e-mail address or the password is wrong.")
    return _token_answer(user, family=new_id("fam"))


def _token_answer(user: User, *, family: str) -> dict[str, object]:
    row = RefreshToken(user=user, family=family)
    refresh, row.expires_at = make_refresh_token(
        user_id=user.pk, token_version=user.token_version, session=family, token_id=row.pk
    )
    row.save()
    User.objects.filter(pk=user.pk).update(last_active_at=timezone.now())
    return {
        "access_token": make_access_token(user_id=user.pk, token_version=user.token_version, session=family),
        "token_type": "bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "refresh_token": refresh,
    }


def refresh(*, refresh_token: str) -> dict[str, object]:
    """Return a new token answer for a refresh token that was not used before.

    A token used twice was stolen or is a mistake: its whole family ends. Raises Unauthenticated.
    """
    claims = read_refresh_token(refresh_token)
    invalid = Unauthenticated("INVALID_TOKEN", "This refresh token does not hold; log in again.")
    row = RefreshToken.objects.filter(pk=claims.token_id).select_related("user").first()
    if row is None or not row.user.is_active or row.user.token_version != claims.token_version:
        raise invalid
    if not RefreshToken.objects.filter(pk=row.pk, used_at=None).update(used_at=timezone.now()):
        RefreshToken.objects.filter(family=row.family).delete()
        raise invalid
    return _token_answer(row.user, family=row.family)


def logout(*, session: str) -> None:
    """End one session: its tokens stop working at once."""
    RefreshToken.objects.filter(family=session).delete()


def end_all_sessions(*, user_id: str) -> None:
    """End every session of a person: all tokens stop working at once."""
    with transaction.atomic():
        User.objects.filter(pk=user_id).update(token_version=F("token_version") + 1)
        RefreshToken.objects.filter(user_id=user_id).delete()


def change_password(*, user: User, current_password: str, new_password: str) -> None:
    """Change one's own password and end all sessions. Raises Invalid."""
    if not check_hash(current_password, user.password):
        message = "The current password is wrong."
        errors = [FieldError("current_password", "invalid", message)]
        raise Invalid("WRONG_PASSWORD", message, errors=errors)
    check_password(new_password, user)
    with transaction.atomic():
        user.set_password(new_password)
        user.save(update_fields=["password", "updated_at"])
        end_all_sessions(user_id=user.pk)


def sweep_expired_tokens() -> int:
    """Delete refresh tokens past their end and return how many there were."""
    return RefreshToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]
