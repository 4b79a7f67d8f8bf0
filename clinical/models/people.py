"""Users, clients, the members of a couple or family, and who cares for whom."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import validate_email
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils import timezone

from clinical.access import REACH, Action, Reach, UserRole, may
from clinical.models.base import BLANKS, Record, ScopedQuerySet, ShapedJSONField
from clinical.models.shapes import Facts, read_risk_factors

if TYPE_CHECKING:
    from datetime import datetime

LOCAL_EMAIL = "local@service.invalid"  # RFC 2606: no mail ever reaches it

# Small letters only, so that unique means unique in any case.
_EMAIL = r"^[a-z0-9._%+'-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, *, role: str, password: str | None = None, name: str = "") -> User:
        """Raises ValidationError for an e-mail that is none or taken, and for an unknown role."""
        user = self.model(email=email.strip().lower(), role=role, name=name)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **_: Any) -> User:
        """An operator who may administer everything that is no record of a client."""
        user = self.create_user(email, role=UserRole.OPERATOR, password=password)
        user.is_superuser = True
        user.save(update_fields=["is_superuser"])
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())

    def local(self) -> User:
        """The service user that a command runs as when it is not told who asks. Made by a migration."""
        return self.get(email=LOCAL_EMAIL)


class User(AbstractBaseUser, Record):
    """Somebody who signs in, or a service. Signs in by e-mail; may do what the role's row in `access` says.

    There are no groups and no permissions beside the role: one table says what somebody may do.
    """

    email = models.EmailField(
        max_length=255, unique=True, error_messages={"unique": "A user with this e-mail address exists already."}
    )
    name = models.CharField(max_length=255, blank=True)
    role = models.CharField(max_length=20, choices=UserRole)
    is_active = models.BooleanField(default=True)
    is_superuser = models.BooleanField(default=False, help_text="Administers; gives no record of a client by itself.")
    is_verified = models.BooleanField("e-mail verified", default=False)
    profile = ShapedJSONField(shape=Facts.read, default=dict, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("email",)
        constraints = (
            models.CheckConstraint(
                condition=Q(email__regex=_EMAIL),
                name="clinical_user_email_form",
                violation_error_message="This is not an e-mail address in small letters.",
            ),
            models.CheckConstraint(condition=Q(role__in=UserRole.values), name="clinical_user_role_known"),
        )
        indexes = (
            # the list of active users of one role
            models.Index(fields=["role", "is_active"], name="clinical_user_role_active"),
            # who signed in lately, among those who still may
            models.Index(F("last_login").desc(), condition=Q(is_active=True), name="clinical_user_recently_active"),
            # users by a fact of their profile
            GinIndex(fields=["profile"], opclasses=["jsonb_path_ops"], name="clinical_user_profile"),
        )

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        validate_email(self.email)

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Django's own permissions are not used: whatever asks for one is refused."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False

    @property
    def is_staff(self) -> bool:
        """May sign in to the admin. What is seen there, the role decides again, screen by screen."""
        return self.may(Action.SIGN_IN_TO_ADMIN)

    def may(self, action: Action) -> bool:
        return self.is_active and may(self.role, action)


class ClientQuerySet(models.QuerySet["Client", "Client"]):
    def visible_to(self, user: User) -> Self:
        """THE rule: a role that reads records sees the clients of the care teams that its user is in right now.

        The service role sees everybody's, roles without records nobody's; being a superuser adds nothing.
        """
        if not user.is_active or not user.may(Action.READ_RECORD):
            return self.none()
        match REACH[UserRole(user.role)]:
            case Reach.EVERYBODY:
                return self
            case Reach.CARE_TEAM:
                return self.filter(pk__in=CareTeamMembership.objects.current().filter(user=user).values("client"))
            case Reach.NOBODY:
                return self.none()

    def open(self, *, code: str, by: User, **fields: Any) -> Client:
        """A new client with whoever opens the record in its care team: nobody else would see it."""
        with transaction.atomic():
            client = self.create(code=code, **fields)
            role = CareTeamMembership.Role.SERVICE if by.role == UserRole.SERVICE else CareTeamMembership.Role.TREATING
            CareTeamMembership.objects.create(client=client, user=by, role=role)
            return client


class Client(Record):
    """Whom the care is for: a person, or a couple, family or group with its members.

    `code` is what lists, file names and messages show; `name` is an identifier and stays off them.
    """

    class Kind(models.TextChoices):
        INDIVIDUAL = "individual"
        COUPLE = "couple"
        FAMILY = "family"
        GROUP = "group"

    code = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.INDIVIDUAL)
    name = models.CharField(max_length=255, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    gender = models.CharField(max_length=60, blank=True)
    demographics = ShapedJSONField(shape=Facts.read, default=dict, blank=True)
    preferences = ShapedJSONField(shape=Facts.read, default=dict, blank=True)
    risk_factors = ShapedJSONField(shape=read_risk_factors, default=list, blank=True)
    treatment_history = ShapedJSONField(shape=Facts.read, default=dict, blank=True)

    objects = ClientQuerySet.as_manager()

    class Meta:
        ordering = ("code",)
        constraints = (
            models.UniqueConstraint(
                Lower("code"),
                name="clinical_client_code_unique",
                violation_error_message="A client with this code exists already.",
            ),
            models.CheckConstraint(
                condition=Q(code__regex=rf"^[^{BLANKS}[:cntrl:]]([^[:cntrl:]]*[^{BLANKS}[:cntrl:]])?$"),
                name="clinical_client_code_form",
                violation_error_message="A code has no blanks around it and no control characters.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["individual", "couple", "family", "group"]), name="clinical_client_kind_known"
            ),
        )
        indexes = (
            # clients by a demographic fact
            GinIndex(fields=["demographics"], opclasses=["jsonb_path_ops"], name="clinical_client_demographics"),
        )

    def __str__(self) -> str:
        return self.code

    def age(self, on: date | None = None) -> int | None:
        """Whole years on a day (today when not said), None where the birth date is unknown."""
        if self.birth_date is None:
            return None
        on = on or timezone.localdate()
        had_birthday = (on.month, on.day) >= (self.birth_date.month, self.birth_date.day)
        return on.year - self.birth_date.year - (not had_birthday)


class Member(Record):
    """One person of a couple, family or group. What one member alone may see is that member's own Client."""

    class Role(models.TextChoices):
        CLIENT = "client"
        PARTNER = "partner"
        FAMILY = "family"
        OTHER = "other"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="members")
    name = models.CharField(max_length=255)
    relation = models.CharField(max_length=60, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.CLIENT)
    birth_date = models.DateField(null=True, blank=True)

    objects = ScopedQuerySet["Member"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["client", "name"], name="clinical_member_name_unique"),
            # the pair that a child row's composite foreign key points at
            models.UniqueConstraint(fields=["id", "client"], name="clinical_member_of_client"),
            models.CheckConstraint(
                condition=Q(role__in=["client", "partner", "family", "other"]), name="clinical_member_role_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.client_id}: {self.role}"


class CareTeamQuerySet(ScopedQuerySet["CareTeamMembership"]):
    def current(self) -> Self:
        """Memberships in force by the database's clock: leaving a team ends access at the next query."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=Now()), starts_at__lte=Now())


class CareTeamMembership(Record):
    """A user's place in a client's care team, from `starts_at` until (not including) `ends_at`."""

    class Role(models.TextChoices):
        TREATING = "treating"
        COVERING = "covering"
        SUPERVISING = "supervising"
        INTAKE = "intake"
        SERVICE = "service"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="care_team")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="care_team_memberships")
    role = models.CharField(max_length=12, choices=Role, default=Role.TREATING)
    starts_at = models.DateTimeField("from", db_default=Now())
    ends_at = models.DateTimeField("until", null=True, blank=True)

    objects = CareTeamQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="clinical_careteammembership_ends_after_start",
                violation_error_message="A membership ends at or after its start.",
            ),
            models.UniqueConstraint(
                fields=["client", "user"],
                condition=Q(ends_at=None),
                name="clinical_careteammembership_one_open",
                violation_error_message="This user is in the care team already.",
            ),
            models.CheckConstraint(
                condition=Q(role__in=["treating", "covering", "supervising", "intake", "service"]),
                name="clinical_careteammembership_role_known",
            ),
        )
        indexes = (
            # visible_to: the caseload of one user
            models.Index(fields=["user", "client"], name="clinical_careteam_caseload"),
        )

    def __str__(self) -> str:
        return f"{self.role} since {self.starts_at:%Y-%m-%d}"

    def end(self, at: datetime | None = None) -> None:
        self.ends_at = at or timezone.now()
        self.save(update_fields=["ends_at"])
