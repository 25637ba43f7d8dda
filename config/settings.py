"""Every setting, from the environment, read once and checked at start.

``docs/operations.md`` has the table of variables. Nothing secret has a default.
"""

import os
import sys
from pathlib import Path

from csp.constants import NONE, SELF

from config.access import read_access
from config.entry import SIGN_IN_APPS, read_entry, sign_in_settings
from config.environment import EnvironmentReader
from config.interface import SPECTACULAR_SETTINGS  # noqa: F401 - drf_spectacular reads it
from config.mail import read_mail, read_papers, read_scanner
from ledger.signers import signer_fault

BASE_DIR = Path(__file__).resolve().parent.parent
env = EnvironmentReader(os.environ)

SECRET_KEY = env.text("SECRET_KEY", why="a random text of at least 50 characters, kept secret")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
DATABASE_ROLE_PREFIX = env.role_prefix()
DATABASES = {"default": env.own_database(sys.argv, DATABASE_ROLE_PREFIX)}
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
SHARED_DATA_DIR = Path(env.text("SHARED_DATA_DIR", str(BASE_DIR.parent / "shared" / "data")))
PUBLIC_ORIGIN = env.text("PUBLIC_ORIGIN", "http://127.0.0.1:8000")
LOG_ORIGIN = env.text("LOG_ORIGIN", "shuanli.putuo.example/ledger")
LOG_SIGNER = env.checked("LOG_SIGNER", "file:", signer_fault)  # where the log's keys lie
LOG_SUITES = env.suites("LOG_SUITES")  # one tree each, same entries
LOG_WITNESSES = env.text("LOG_WITNESSES", "")  # a policy file, or "URL VKEY, URL VKEY"
LOG_TSA_URL, LOG_TSA_ROOTS = env.together("LOG_TSA_URL", "LOG_TSA_ROOTS")  # roots: a PEM file
PAPERS = read_papers(env)  # how printed documents are headed, numbered and signed
LOG_OPEN_ROOMS: tuple[str, ...] = ()  # rooms whose entries need no schema: for tests alone
BROKER_URL = env.text("CELERY_BROKER_URL", why="redis://HOST:PORT/0 or amqp://USER:PASSWORD@HOST//")
DEMO_MODE = env.flag("DEMO_MODE", default=False)  # invented data, sign-in by one press
PILOT = env.flag("PILOT", default=False)  # says on every page that the service is on trial
ENCRYPTED = PUBLIC_ORIGIN.startswith("https://")
env.refuse_for_the_world(ENCRYPTED, demo=DEMO_MODE, debug=DEBUG, secret=SECRET_KEY)
CONN_MAX_AGE = env.number("CONN_MAX_AGE", default=60)
ACCESS = read_access(env)
FILE_SCANNER = read_scanner(env)  # none, clamd:SOCKET, clamd:HOST:PORT or command:PROGRAM
MAIL, _MAIL_OF_DJANGO = read_mail(env, VAR_DIR, PUBLIC_ORIGIN, demo=DEMO_MODE)
ENTRY = read_entry(env, demo=DEMO_MODE)
PERSON_SALT = env.text("PERSON_SALT", SECRET_KEY)  # never change it: persons would be unknown
RAW_KEPT_DAYS = env.number("RAW_KEPT_DAYS", default=1095, at_least=30)  # raw uploads
CASES_BY_ASSIGNMENT = env.flag("CASES_BY_ASSIGNMENT", default=False)  # reviewers see their own
PAYMENT_HEAD_FROM_FEN = env.number("PAYMENT_HEAD_FROM_FEN", default=100_000_000)  # head signs too
env.finish()
DATABASES["default"] |= {"CONN_MAX_AGE": CONN_MAX_AGE, "CONN_HEALTH_CHECKS": True}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    *SIGN_IN_APPS,
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "ledger",
    "vouchers",
    "providers",
    "billing",
]
MIDDLEWARE = [
    "config.middleware.RequestNumberMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.PrivatePagesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.sittings.SittingMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATE_LOADERS = ["config.loading.Folder", "config.loading.Rooms"]  # they cut text into units
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("django.template.loaders.cached.Loader", TEMPLATE_LOADERS)],
            "builtins": ["config.templatetags.tongue"],  # pages speak two languages
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms/
LANGUAGE_CODE, LANGUAGES = "zh-hans", [("zh-hans", "简体中文"), ("en", "English")]
TIME_ZONE = "Asia/Shanghai"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Who comes in ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "config.User"
globals().update(_MAIL_OF_DJANGO)
globals().update(sign_in_settings(ENTRY, confirm=MAIL.on and not DEMO_MODE, encrypted=ENCRYPTED))
SESSION_COOKIE_AGE = 8 * 3600  # one working day (reliability 2.2 B10)
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENCRYPTED
SESSION_COOKIE_NAME = "__Host-session" if ENCRYPTED else "session"
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]
SECURE_HSTS_SECONDS = 365 * 86400 if ENCRYPTED else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENCRYPTED
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # probes come without TLS
CSRF_FAILURE_VIEW = "config.errors.expired_form"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # charts are drawn into their page
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *ENTRY.origins()],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# Files ----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "attachments"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# The upload API -------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],  # each view states its right (ledger.rights)
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",  # middleware asks it
    "COERCE_DECIMAL_TO_STRING": True,
}

# The bell: work and its state lie in PostgreSQL (ledger.work) -----------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_DEFAULT_QUEUE = env.text("CELERY_QUEUE", "house")  # one queue a house on a broker
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_PUBLISH_RETRY = False  # a dead broker must not hold up a request: the sweeper rings
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,  # above the longest lease renewal of a piece of work
    "unacked_restore_interval": 3,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "max_retries": 1,  # of a bell rung at a dead broker, without a pause
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_TIMEZONE = TIME_ZONE
CELERY_IMPORTS = ["config.tasks"]
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonLines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"django": {"handlers": [], "level": LOG_LEVEL, "propagate": True}}
    | {it: {"level": "WARNING"} for it in ("weasyprint", "fontTools", "pikepdf", "httpx", "fido2")},
}
