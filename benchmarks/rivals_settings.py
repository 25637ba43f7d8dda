"""Settings of the child process in which other ledgers run, on a database of their own."""

import os

import environ

DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
SECRET_KEY = "benchmarks only"
USE_TZ = True
ROOT_URLCONF = "benchmarks.rivals_settings"
urlpatterns: list[object] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DJANGO_LEDGER_USE_DEPRECATED_BEHAVIOR = False
DEFAULT_CURRENCY = "CNY"
CURRENCIES = ["CNY"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "mptt",
    "hordak",
    "django_ledger",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django_ledger.context.django_ledger_context",
            ]
        },
    }
]
