"""The one settings file. Everything that differs between installations is read from the environment.

`CREDITBANK_ENV=production` asks for every secret and refuses to start with a development one.
"""

import re
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from creditbank import local_services

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env("CREDITBANK_ENV", default="development")
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured("CREDITBANK_ENV is 'development' or 'production'.")
PRODUCTION = ENVIRONMENT == "production"
# Off by default in development too: what a newcomer sees is what production shows. DEBUG=1 for a traceback page.
DEBUG = env.bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG must stay off in production.")


def secret(name):
    """Return a secret of the environment; development has fixed ones, production must bring its own."""
    value = env(name, default="")
    if value and not (PRODUCTION and (value.startswith("development-") or len(value) < 32)):
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name} must be set to a secret of at least 32 characters in production.")
    return f"development-only-{name.lower()}-never-used-for-real-data"


SECRET_KEY = secret("SECRET_KEY")
DIGEST_KEY = secret("DIGEST_KEY")
# Comma-separated, oldest first: the last one encrypts, all of them decrypt.
PERSONAL_DATA_KEYS = secret("PERSONAL_DATA_KEYS").split(",")
if PRODUCTION and any(len(key) < 32 for key in PERSONAL_DATA_KEYS):
    raise ImproperlyConfigured("Each of PERSONAL_DATA_KEYS must have at least 32 characters in production.")

# Ed25519, 32 random bytes as base64url: signs certificates and the ledger's daily roots (docs/certificates.md).
# Development makes its own at the first use. Former *public* keys stay published after a rotation.
SIGNING_KEY = env("SIGNING_KEY", default="")
FORMER_SIGNING_KEYS = env.list("FORMER_SIGNING_KEYS", default=[])
DEVELOPMENT_SIGNING_KEY_FILE = BASE_DIR / "var" / "signing-key"
if PRODUCTION and not re.fullmatch(r"[\w-]{42}[AEIMQUYcgkosw048]", SIGNING_KEY, re.ASCII):
    raise ImproperlyConfigured("SIGNING_KEY must be 32 random bytes as base64url in production.")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
SITE_URL = env("SITE_URL", default=f"http://127.0.0.1:{env('PORT', default='8000')}")
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL.startswith("https://") else []
if PRODUCTION and not (ALLOWED_HOSTS and "*" not in ALLOWED_HOSTS and SITE_URL.startswith("https://")):
    raise ImproperlyConfigured("Production needs ALLOWED_HOSTS (no *) and an https SITE_URL.")

INSTALLED_APPS = [
    "portal",
    "conversion",
    "achievements",
    "accounts",
    "evidence",
    "messaging",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "captcha",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.request_log.RequestLogMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.ServiceUnavailableMiddleware",
    "portal.middleware.RefuseUnstorableTextMiddleware",
    "portal.middleware.RefuseHugeUploadMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.PersonalPagesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.SignInSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "portal.middleware.RefuseStrayIdsMiddleware",
]

ROOT_URLCONF = "creditbank.urls"
WSGI_APPLICATION = "creditbank.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context_processors.frame",
            ],
        },
    },
]

# Where no server is named, the project's own local ones serve (and are started when none run).
_database_url, _redis_url = env("DATABASE_URL", default=""), env("REDIS_URL", default="")
if not (_database_url and _redis_url):
    if PRODUCTION:
        raise ImproperlyConfigured("DATABASE_URL and REDIS_URL must be set in production.")
    _services = local_services.connect()
    _database_url, _redis_url = _database_url or _services.database_url, _redis_url or _services.redis_url

DATABASES = {
    "default": env.db_url_config(_database_url)
    | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Celery: a doorbell, not a ledger (promises: Queue). The lost ring is swept up by beat.
CELERY_BROKER_URL = _redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # More than twice the longest task's limit (imports: 250 s), so that no task is delivered again while it runs.
    # Nothing waits for that: what a killed worker leaves behind is a row, and the sweeps below find it sooner.
    "visibility_timeout": 520,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 55
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "sweep-sms": {"task": "messaging.tasks.sweep_sms", "schedule": 20, "options": {"expires": 20}},
    "erase-sms-phones": {"task": "messaging.tasks.erase_sms_phones", "schedule": 3600, "options": {"expires": 3600}},
    "sweep-rosters": {"task": "accounts.tasks.sweep_rosters", "schedule": 60, "options": {"expires": 60}},
    "sweep-achievement-imports": {
        "task": "achievements.tasks.sweep_achievement_imports",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "sweep-catalogue-imports": {
        "task": "achievements.tasks.sweep_catalogue_imports",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "sweep-rule-imports": {
        "task": "conversion.tasks.sweep_rule_imports",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "sweep-drafts": {"task": "achievements.tasks.sweep_drafts", "schedule": 3600, "options": {"expires": 3600}},
    "sweep-merges": {"task": "accounts.tasks.sweep_merges", "schedule": 60, "options": {"expires": 60}},
    "sweep-sessions": {"task": "accounts.tasks.sweep_sessions", "schedule": 3600, "options": {"expires": 3600}},
    "seal-ledger": {"task": "conversion.tasks.seal_ledger", "schedule": 1800, "options": {"expires": 1800}},
    "sweep-bytes": {"task": "evidence.tasks.sweep_bytes", "schedule": 3600, "options": {"expires": 3600}},
    "sweep-evidence": {"task": "evidence.tasks.sweep_evidence", "schedule": 30, "options": {"expires": 30}},
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.IdentifierBackend"]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "portal:my_information"
LOGOUT_REDIRECT_URL = "portal:home"
PASSWORD_HASHERS = [
    "accounts.hashers.PortalArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Two length rules stand in the guide; registration and reset follow `change` (product.md).
PASSWORD_LENGTHS = {"activation": (6, 15), "change": (8, 15)}
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"}]

# Codes and limits (promises: Codes, logins, limits). Windows are (times, seconds).
CODE_VALID_SECONDS = 600
CODE_ATTEMPTS = 5
WRONG_CODES_PER_PERSON = [(20, 86400)]
SMS_PER_PERSON = [(1, 60), (5, 3600), (10, 86400)]
SMS_PER_ADDRESS = [(60, 600), (300, 3600)]
SMS_PER_DAY = env.int("SMS_PER_DAY", default=20000)
ACTIVATION_CODE_DAYS = 30
IDENTITY_CHECKS_PER_PHONE = [(3, 86400)]
ACTIVATION_NAME_ATTEMPTS = 4  # the first and three more without a new SMS
# Codes we give ourselves run in one series; a registered institution stands in the 资历名册 that long.
BANK_CODE_PREFIX = "gdxf"
INSTITUTION_VALID_YEARS = 5
IMPORT_ROWS_COMMAND = 2_000_000
IMPORT_ROWS_PAGE = 50_000
SIGN_IN_FAILURES_PER_ACCOUNT = [(5, 900)]
SIGN_IN_FAILURES_PER_ADDRESS = [(30, 900)]
SIGN_IN_FAILURES_BEFORE_CAPTCHA = 2
REVIEW_CLAIM_HOURS = 4  # a claimed case that nobody decides is free again
CAPTCHA_SOUNDS_PER_ADDRESS = [(120, 600)]
VERIFICATIONS_PER_ADDRESS = [(60, 600)]
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=PRODUCTION)
# Whether a reviewer decides nothing before the centre has recorded his document number: it finds his own cases.
REVIEWERS_NEED_DOCUMENT = env.bool("REVIEWERS_NEED_DOCUMENT", default=PRODUCTION)
SECOND_FACTOR_FAILURES = [(5, 900)]
if PRODUCTION and not STAFF_SECOND_FACTOR:
    raise ImproperlyConfigured("STAFF_SECOND_FACTOR must stay on in production.")

# SMS (docs/sms.md). Providers take turns in this order; "local" shows messages on a page of development only.
SMS_PROVIDERS = env.list("SMS_PROVIDERS", default=["http"] if PRODUCTION else ["local"])
SMS_SIGN = env("SMS_SIGN", default="学分银行")
SMS_HTTP_URL = env("SMS_HTTP_URL", default="")
SMS_HTTP_KEY = env("SMS_HTTP_KEY", default="")
SMS_HTTP_TIMEOUT = env.float("SMS_HTTP_TIMEOUT", default=5.0)
SMS_ALIYUN_ENDPOINT = env("SMS_ALIYUN_ENDPOINT", default="https://dysmsapi.aliyuncs.com")
SMS_ALIYUN_KEY_ID = env("SMS_ALIYUN_KEY_ID", default="")
SMS_ALIYUN_KEY_SECRET = env("SMS_ALIYUN_KEY_SECRET", default="")
SMS_ALIYUN_TEMPLATES = env.dict("SMS_ALIYUN_TEMPLATES", default={})  # register=SMS_1,reset=SMS_2,…
SMS_ALIYUN_TIMEOUT = env.float("SMS_ALIYUN_TIMEOUT", default=5.0)
# Seconds after the first attempt, and after the request, by kind of message.
SMS_ATTEMPT_SECONDS = {"code": (0, 5, 15, 30), "notice": (0, 5, 15, 30, 120, 600, 1800)}
SMS_GIVE_UP_SECONDS = {"code": 90, "notice": 3600}
SMS_PHONE_DAYS = env.int("SMS_PHONE_DAYS", default=30)  # how long a finished message still names its phone
SMS_SENDING_SECONDS = CELERY_TASK_TIME_LIMIT + 5  # nobody can still be sending then
if not SMS_PROVIDERS or not set(SMS_PROVIDERS) <= {"http", "aliyun", "local"}:
    raise ImproperlyConfigured("SMS_PROVIDERS is a comma-separated list of http, aliyun, local.")
if PRODUCTION and "local" in SMS_PROVIDERS:
    raise ImproperlyConfigured("SMS_PROVIDERS may not name local in production.")
if PRODUCTION and "http" in SMS_PROVIDERS and not (SMS_HTTP_URL.startswith("https://") and SMS_HTTP_KEY):
    raise ImproperlyConfigured("SMS_PROVIDERS names http: production needs an https SMS_HTTP_URL and SMS_HTTP_KEY.")
if "aliyun" in SMS_PROVIDERS and not (SMS_ALIYUN_KEY_ID and SMS_ALIYUN_KEY_SECRET):
    raise ImproperlyConfigured("SMS_PROVIDERS names aliyun: set SMS_ALIYUN_KEY_ID and SMS_ALIYUN_KEY_SECRET.")
if PRODUCTION and "aliyun" in SMS_PROVIDERS and not SMS_ALIYUN_ENDPOINT.startswith("https://"):
    raise ImproperlyConfigured("SMS_PROVIDERS names aliyun: production needs an https SMS_ALIYUN_ENDPOINT.")

CAPTCHA_IMAGE_SIZE = (140, 44)
CAPTCHA_FONT_SIZE = 28
CAPTCHA_CHALLENGE_FUNCT = "accounts.captcha.letters_challenge"
CAPTCHA_LENGTH = 4
# Thirty small files; an installation that a robot visits replaces them (accounts/data/captcha_sounds/README.md).
CAPTCHA_SOUNDS = Path(env("CAPTCHA_SOUNDS", default=str(BASE_DIR / "accounts" / "data" / "captcha_sounds")))
CAPTCHA_TIMEOUT = 5
CAPTCHA_LETTER_ROTATION = (-20, 20)
CAPTCHA_FOREGROUND_COLOR = "#12424a"
CAPTCHA_BACKGROUND_COLOR = "#ffffff"
CAPTCHA_NOISE_FUNCTIONS = ("captcha.helpers.noise_arcs", "captcha.helpers.noise_dots")
CAPTCHA_TEST_MODE = False

MEDIA_ROOT = Path(env("MEDIA_ROOT", default=str(BASE_DIR / "var" / "files")))
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
EVIDENCE_FILES_PER_RECORD = 10
ACHIEVEMENT_DRAFT_DAYS = 90  # after its last save a draft of 成果添加 goes with its files
# A request may bring that many files of 10 MB; more is refused unread. Of a file that no form takes nothing is kept.
UPLOAD_BYTES_PER_REQUEST = 110 * 1024 * 1024
UPLOAD_BYTES_PER_FILE = 20 * 1024 * 1024  # an institution's rosters; evidence may have 10 MB
FILE_UPLOAD_HANDLERS = ["portal.upload_handler.MemoryUploadHandler", "portal.upload_handler.BoundedUploadHandler"]
# nginx's internal location below which MEDIA_ROOT/evidence lies; empty: the portal sends files itself.
EVIDENCE_ACCEL_PREFIX = env("EVIDENCE_ACCEL_PREFIX", default="")
CLAMD_URL = env("CLAMD_URL", default="")  # tcp://host:3310 or unix:///path; empty: no virus scan
CLAMD_TIMEOUT = env.float("CLAMD_TIMEOUT", default=15.0)
if CLAMD_URL and not CLAMD_URL.startswith(("tcp://", "unix:///")):
    raise ImproperlyConfigured("CLAMD_URL is tcp://host:port or unix:///path.")
if EVIDENCE_ACCEL_PREFIX and not (EVIDENCE_ACCEL_PREFIX.startswith("/") and EVIDENCE_ACCEL_PREFIX.endswith("/")):
    raise ImproperlyConfigured("EVIDENCE_ACCEL_PREFIX starts and ends with a slash.")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # a group of 400 sources has 10 a source
CERTIFICATE_FONT_DIRS = env.list("CERTIFICATE_FONT_DIRS", default=[])
CERTIFICATES_PER_PRINT = 100
SHARE_DAYS = 365
SHARES_PER_CERTIFICATE = 20  # at one time
LEDGER_ROOT_DIR = Path(env("LEDGER_ROOT_DIR", default=str(BASE_DIR / "var" / "ledger-roots")))

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文"))]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = not DEBUG

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 12 * 3600  # the absolute limit, counted from the sign-in
SESSION_IDLE_SECONDS = {"staff": 1800, "default": 7200}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # probes come from inside
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
if env.bool("BEHIND_PROXY", default=PRODUCTION):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many reverse proxies stand in front: the address of a client is counted from the right.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1 if PRODUCTION else 0)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# On standard error: JSON for a collector, or lines for people.
LOG_FORMAT = env("LOG_FORMAT", default="json" if PRODUCTION else "line")
if LOG_FORMAT not in {"json", "line"}:
    raise ImproperlyConfigured("LOG_FORMAT is 'json' or 'line'.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "creditbank.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "httpx": {"level": "WARNING"},
        # One line a request says it all; Django's own of 4xx answers would repeat it with the address.
        "portal.request_log": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"},
        "django.request": {"level": "ERROR" if LOG_FORMAT == "json" else "WARNING"},
    },
}
