"""The first start: the built-in roles, the first organization and its administrator."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from apps.accounts.models import Organization, Role, User
from apps.accounts.roles import ADMIN, BUILT_IN
from datalinx.errors import FieldError, Invalid


def ensure_built_in_roles() -> None:
    """Make or mend the built-in roles. Called after every migration."""
    for name, (description, permissions) in BUILT_IN.items():
        Role.objects.update_or_create(
            organization=None,
            name=name,
            defaults={"description": description, "permissions": sorted(permissions)},
        )


def get_built_in_role(name: str) -> Role:
    """Return a built-in role by its name."""
    return Role.objects.get(organization=None, name=name)


def check_password(password: str, user: User | None = None) -> None:
    """Refuse a password that the policy does not accept. Raises Invalid PASSWORD_TOO_WEAK."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        message = " ".join(error.messages)
        errors = [FieldError("password", "password_too_weak", message)]
        raise Invalid("PASSWORD_TOO_WEAK", message, errors=errors) from error


def is_set_up() -> bool:
    """Return whether there is an organization."""
    return Organization.objects.exists()


@transaction.atomic
def create_first_organization(*, email: str, password: str, organization: str) -> User:
    """Make the first organization and its administrator, who is an operator too.

    Raises Invalid ALREADY_SET_UP when there is an organization, PASSWORD_TOO_WEAK for a weak password.
    """
    ensure_built_in_roles()
    if is_set_up():
        raise Invalid("ALREADY_SET_UP", "This instance has its first organization already; log in.")
    check_password(password)
    made = Organization.objects.create(name=organization, slug=slugify(organization)[:63] or "organization")
    user = User(
        organization=made,
        email=email.strip().lower(),
        display_name=email.partition("@")[0],
        role=get_built_in_role(ADMIN),
        is_superuser=True,
    )
    user.set_password(password)
    user.save()
    return user
