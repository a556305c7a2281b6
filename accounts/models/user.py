from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager):
    def get_by_natural_key(self, username):
        return self.get(username__iexact=username)

    def create_user(self, username, password=None, **fields):
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username, password=None, **fields):
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A sign-in account: a learner's, an institution's, or staff's.

    `learner` makes it a personal account. `institution` without `is_staff` is an institution's account; with
    `is_staff` it is that institution's reviewer. Staff without an institution belong to the centre (管理中心).
    """

    username = models.CharField(
        _("用户名"),
        max_length=30,
        unique=True,
        error_messages={"unique": _("该用户名已被使用,请换一个。")},
        validators=[
            RegexValidator(r"^[A-Za-z][A-Za-z0-9_]{3,29}\Z", _("用户名由 4-30 位字母、数字或下划线组成,以字母开头。")),
            RegexValidator(r"^[A-Za-z]{1,3}[0-9]{6,}\Z", _("用户名不能与证件号码的形式相同。"), inverse_match=True),
        ],
    )
    name = models.CharField(_("姓名"), max_length=100)
    email = models.EmailField(_("电子邮箱"), blank=True)
    phone = models.CharField(_("手机号码"), max_length=20, blank=True)
    learner = models.OneToOneField(
        "accounts.Learner", models.PROTECT, null=True, blank=True, related_name="user", verbose_name=_("学习者")
    )
    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, null=True, blank=True, related_name="users", verbose_name=_("所属机构")
    )
    is_staff = models.BooleanField(_("可登录管理后台"), default=False)
    is_active = models.BooleanField(_("启用"), default=True)
    date_joined = models.DateTimeField(_("创建时间"), auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = verbose_name_plural = _("账号")
        constraints = [
            models.UniqueConstraint(
                Lower("username"), name="username_once", violation_error_message=_("该用户名已被使用,请换一个。")
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="email_once",
                violation_error_message=_("该电子邮箱已被其他账号使用。"),
            ),
            models.UniqueConstraint(
                fields=["phone"],
                condition=~Q(phone=""),
                name="phone_once",
                violation_error_message=_("该手机号码已绑定其他账号。"),
            ),
            models.CheckConstraint(
                condition=Q(learner__isnull=True) | Q(is_staff=False),
                name="staff_account_is_not_a_learner_account",
                violation_error_message=_("学习者账号不能登录管理后台,请另建工作账号。"),
            ),
        ]

    def __str__(self):
        return self.name or self.username

    def clean(self):
        # AbstractBaseUser normalises the username with NFKC; ours is ASCII by validator.
        pass

    def get_full_name(self):
        return self.name

    def get_short_name(self):
        return self.name

    def _get_session_auth_hash(self, secret=None):
        """Sessions end when the password or the phone changes (promises: Codes, logins, limits)."""
        salt = "accounts.User.session"
        return salted_hmac(salt, f"{self.password}|{self.phone}", secret=secret, algorithm="sha256").hexdigest()

    @property
    def belongs_to_centre(self):
        """Staff of 管理中心: no institution limits them to its own cases."""
        return self.is_staff and self.institution_id is None
