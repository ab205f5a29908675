"""Organizations, people, roles and service accounts."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from datalinx.orm import OrganizationModel, OrganizationQuerySet, PrefixedIdField, Timestamped


class Organization(Timestamped):
    """A company or team: the wall around everything that it owns."""

    class Tier(models.TextChoices):
        FREE = "free"
        PRO = "pro"
        ENTERPRISE = "enterprise"

    id = PrefixedIdField(prefix="org")
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=63, unique=True, help_text="Names the organization for ever.")
    tier = models.CharField(max_length=20, choices=Tier, default=Tier.ENTERPRISE)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    burst = models.PositiveIntegerField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    settings = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(tier__in=["free", "pro", "enterprise"]), name="organization_tier_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(Timestamped):
    """A named set of permissions: built in (no organization) or an organization's own."""

    id = PrefixedIdField(prefix="role")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=63)
    description = models.CharField(max_length=500, blank=True, default="")
    permissions = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "organization", Lower("name"), name="role_name_is_unique_in_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_built_in(self) -> bool:
        return self.organization_id is None


class UserManager(BaseUserManager["User"]):
    """What Django's own command line needs to make an operator."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin, Timestamped):
    """A person of one organization. `is_superuser` makes an operator, who stands above organizations."""

    class Status(models.TextChoices):
        INVITED = "Invited"
        ACTIVE = "Active"
        INACTIVE = "Inactive"

    id = PrefixedIdField(prefix="usr")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="users")
    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=200, blank=True, default="")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    # Counted up by whatever must end the person's sessions; tokens carry the number they were made with.
    token_version = models.PositiveIntegerField(default=1)
    last_active_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()
    rows = OrganizationQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        default_manager_name = "objects"

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # Django's base has a field; the status is the truth
        return self.status == self.Status.ACTIVE

    @property
    def is_staff(self) -> bool:
        return self.is_superuser


class ServiceAccount(OrganizationModel):
    """A machine that calls the API with a key."""

    id = PrefixedIdField(prefix="sa")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True, default="")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "organization", Lower("name"), name="service_account_name_is_unique_in_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key of a service account, of which only a hash is kept. After a rotation two may live for a while."""

    id = PrefixedIdField(prefix="key")
    service_account = models.ForeignKey(ServiceAccount, on_delete=models.CASCADE, related_name="keys")
    digest = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # When a rotated key stops working; empty for the present one.
    retires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"…{self.last_four}"


class RefreshToken(models.Model):
    """One refresh token of a login. Using it again after its rotation ends the whole family."""

    id = PrefixedIdField(prefix="rft")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_tokens")
    family = models.CharField(max_length=40, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.id


class IdempotencyRecord(models.Model):
    """The first answer to a POST with an Idempotency-Key, sealed, for 24 hours."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=300)
    fingerprint = models.CharField(max_length=64)
    answer = models.TextField(blank=True, default="")
    # Who answers the call, and when that process last said that it does. A process of before, while the instance is
    # brought to this version, knows of none.
    holder = models.CharField(max_length=32, default="", db_default="", db_index=True)
    claimed_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("organization", "key", name="idempotency_key_is_unique_in_organization"),
        ]

    def __str__(self) -> str:
        return self.key
