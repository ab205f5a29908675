"""Organizations, users and roles: made, changed, taken away."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.accounts.models import Organization, Role, User
from apps.accounts.roles import ADMIN, MEMBER
from apps.accounts.services.sessions import end_all_sessions
from apps.accounts.services.setup import check_password, get_built_in_role
from datalinx.api.permissions import ALL
from datalinx.caller import Caller
from datalinx.errors import FieldError, Forbidden, Invalid, NotFound

OPERATOR_FIELDS = frozenset({"tier", "requests_per_minute", "burst"})


@transaction.atomic
def create_organization(
    *,
    actor: Caller,
    name: str,
    slug: str = "",
    admin_email: str = "",
    admin_password: str = "",
    **values: Any,
) -> Organization:
    """Make an organization, with its first administrator when one is named: nobody else could enter it.

    Raises Invalid ORGANIZATION_SLUG_TAKEN, USER_EMAIL_TAKEN, PASSWORD_TOO_WEAK.
    """
    chosen = slug or slugify(name)[:63]
    try:
        with transaction.atomic():
            made = Organization.objects.create(name=name, slug=chosen, created_by=actor.id, **values)
    except IntegrityError as error:
        raise _taken(
            "slug", "ORGANIZATION_SLUG_TAKEN", f"The slug {chosen!r} is taken; choose another."
        ) from error
    if admin_email:
        _save_user(
            User(organization=made, role=get_built_in_role(ADMIN), created_by=actor.id),
            email=admin_email,
            password=admin_password,
        )
    return made


def update_organization(*, actor: Caller, organization: Organization, **values: Any) -> Organization:
    """Change an organization. Its slug is fixed; its tier and limits are an operator's to set."""
    if OPERATOR_FIELDS & values.keys() and not actor.is_operator:
        raise Forbidden("PERMISSION_DENIED", "Only an operator may change the tier and its limits.")
    if values.pop("slug", organization.slug) != organization.slug:
        message = "The slug names the organization for ever and cannot be changed."
        raise Invalid("SLUG_IS_FIXED", message, errors=[FieldError("slug", "fixed", message)])
    for field, value in values.items():
        setattr(organization, field, value)
    organization.save()
    return organization


def find_role(*, organization_id: str, name_or_id: str) -> Role:
    """Return a role that the organization may give, by name or id. Raises Invalid ROLE_NOT_FOUND."""
    from django.db.models import Q

    own_or_built_in = Q(organization_id=organization_id) | Q(organization=None)
    role = Role.objects.filter(own_or_built_in, Q(pk=name_or_id) | Q(name__iexact=name_or_id)).first()
    if role is None:
        message = f"There is no role {name_or_id!r}; GET /api/roles lists them."
        raise Invalid("ROLE_NOT_FOUND", message, errors=[FieldError("role", "not_found", message)])
    return role


def create_user(
    *, actor: Caller, email: str, password: str, display_name: str = "", role: str = MEMBER
) -> User:
    """Make an active person with a password. Raises Invalid USER_EMAIL_TAKEN, PASSWORD_TOO_WEAK."""
    given = find_role(organization_id=actor.organization_id, name_or_id=role)
    _refuse_escalation(actor, given.permissions)
    user = User(
        organization_id=actor.organization_id, display_name=display_name, role=given, created_by=actor.id
    )
    return _save_user(user, email=email, password=password)


def _save_user(user: User, *, email: str, password: str) -> User:
    check_password(password)
    user.email = email.strip().lower()
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        # The same words whoever has the address, so that nobody learns of another organization's people.
        message = "This e-mail address cannot be used; choose another."
        raise _taken("email", "USER_EMAIL_TAKEN", message) from error
    return user


@transaction.atomic
def update_user(*, actor: Caller, user: User, **values: Any) -> User:
    """Change a person's name or role. The last administrator keeps the role."""
    if "role" in values:
        role = find_role(organization_id=actor.organization_id, name_or_id=values.pop("role"))
        _refuse_escalation(actor, role.permissions)
        if role.pk != user.role_id:
            _keep_an_admin(user)
        user.role = role
    for field, value in values.items():
        setattr(user, field, value)
    user.save()
    return user


@transaction.atomic
def deactivate_user(*, actor: Caller, user: User) -> User:
    """Close a person's access at once. Raises Invalid LAST_ADMIN."""
    _keep_an_admin(user)
    user.status = User.Status.INACTIVE
    user.save(update_fields=["status", "updated_at"])
    end_all_sessions(user_id=user.pk)
    return user


def reactivate_user(*, actor: Caller, user: User) -> User:
    """Open a person's access again."""
    user.status = User.Status.ACTIVE
    user.save(update_fields=["status", "updated_at"])
    return user


@transaction.atomic
def delete_user(*, actor: Caller, user: User) -> None:
    """Delete a person. Raises Invalid LAST_ADMIN."""
    _keep_an_admin(user)
    user.delete()


def _keep_an_admin(user: User) -> None:
    if user.role.name != ADMIN or user.role.organization_id is not None or not user.is_active:
        return
    admins = User.objects.select_for_update().filter(
        organization_id=user.organization_id, role=get_built_in_role(ADMIN), status=User.Status.ACTIVE
    )
    if len(admins) <= 1:
        raise Invalid("LAST_ADMIN", "This is the organization's last administrator; name another one first.")


def _refuse_escalation(actor: Caller, permissions: list[str]) -> None:
    """Nobody gives away more than they hold."""
    missing = sorted(permission for permission in permissions if not actor.can(permission))
    if missing:
        raise Forbidden(
            "PERMISSION_DENIED", f"You cannot give a role with permissions you lack: {missing[0]}."
        )


def create_role(*, actor: Caller, name: str, permissions: list[str], description: str = "") -> Role:
    """Make a custom role. Raises Invalid ROLE_NAME_TAKEN, UNKNOWN_PERMISSION."""
    role = Role(organization_id=actor.organization_id, created_by=actor.id)
    return _save_role(role, name=name, permissions=permissions, description=description)


def replace_role(
    *, actor: Caller, role: Role, name: str, permissions: list[str], description: str = ""
) -> Role:
    """Replace a custom role. Raises Invalid ROLE_IS_BUILT_IN."""
    _refuse_built_in(role)
    return _save_role(role, name=name, permissions=permissions, description=description)


def _save_role(role: Role, *, name: str, permissions: list[str], description: str) -> Role:
    unknown = sorted(set(permissions) - ALL)
    if unknown:
        message = f"There is no permission {unknown[0]!r}; GET /api/permissions lists them."
        raise Invalid("UNKNOWN_PERMISSION", message, errors=[FieldError("permissions", "unknown", message)])
    taken = _taken("name", "ROLE_NAME_TAKEN", f"There is a role named {name!r} already; choose another name.")
    if Role.objects.filter(organization=None, name__iexact=name).exists():
        raise taken
    role.name, role.permissions, role.description = name, sorted(set(permissions)), description
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError as error:
        raise taken from error
    return role


def delete_role(*, actor: Caller, role: Role) -> None:
    """Delete a custom role that nobody has. Raises Invalid ROLE_IN_USE."""
    from django.db.models import ProtectedError

    _refuse_built_in(role)
    try:
        role.delete()
    except ProtectedError as error:
        raise Invalid(
            "ROLE_IN_USE", "People or service accounts have this role; give them another first."
        ) from error


def _refuse_built_in(role: Role) -> None:
    if role.is_built_in:
        raise Invalid("ROLE_IS_BUILT_IN", "Built-in roles cannot be changed; make a role of your own.")


def _taken(field: str, code: str, message: str) -> Invalid:
    return Invalid(code, message, errors=[FieldError(field, "taken", message)])


def get_organization_for(*, actor: Caller, organization_id: str) -> Organization:
    """Return an organization that the caller may see: its own, or any for an operator. Raises NotFound."""
    found = Organization.objects.filter(pk=organization_id).first()
    if found is None or not (actor.is_operator or found.pk == actor.organization_id):
        raise NotFound("ORGANIZATION_NOT_FOUND", "There is no such organization that you can see.")
    return found
