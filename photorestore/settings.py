"""Every setting, in Django's own order; what differs between machines is the environment's."""

from __future__ import annotations

import logging
import secrets
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import environ

from .environment import database, given, letters, number, split

BASE_DIR = Path(__file__).resolve().parent.parent
# What a running system writes on its own machine: the default database, files, keys. Not in git.
VAR_DIR = BASE_DIR / "var"

environ.Env.read_env(BASE_DIR / ".env")


def _local_secret_key() -> str:
    """The key of a machine whose owner named none: drawn once, kept in var/ for its user alone."""
    path = VAR_DIR / "secret_key"
    VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text()


# Core

SECRET_KEY_IS_LOCAL = not given("SECRET_KEY", "")
SECRET_KEY = _local_secret_key() if SECRET_KEY_IS_LOCAL else given("SECRET_KEY", "")
DEBUG = given("DEBUG", "false").lower() in environ.Env.BOOLEAN_TRUE_STRINGS
ALLOWED_HOSTS = [
    host.strip() for host in given("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
]
if "127.0.0.1" not in ALLOWED_HOSTS:
    # By which the processes of one machine speak to each other; it gives nobody else anything.
    ALLOWED_HOSTS.append("127.0.0.1")
PORT = given("PORT", "8000")
# Where browsers and RunPod reach this site. Callback and photo addresses are built on it.
PUBLIC_URL = given("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
_TLS = split(PUBLIC_URL).scheme == "https"

ROOT_URLCONF = "photorestore.urls"
ASGI_APPLICATION = "photorestore.asgi.application"

INSTALLED_APPS = [
    "daphne",
    "whitenoise.runserver_nostatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "photorestore",
    "webhooks",
    "jobs",
    "events",
]

MIDDLEWARE = [
    "photorestore.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
            ],
        },
    },
]

# Database

DATABASE_URL = given("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
# photorestore.E004 says what is wrong; until then nothing may fail in a less helpful way.
DATABASES = {"default": database(DATABASE_URL) or {"ENGINE": "django.db.backends.dummy"}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write. A transaction that starts as a reader and then writes fails at once
    # when another has written meanwhile (SQLITE_BUSY_SNAPSHOT); an immediate one waits its turn.
    _options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # libpq's way to name a socket's folder in an address: percent-encoded, as its host.
    DATABASES["default"]["HOST"] = unquote(str(DATABASES["default"].get("HOST", "")))
    # Under ASGI each request has a thread of its own: a connection kept by the thread would be one
    # too many soon (measured: 40 clients used up all 100). A pool is shared by all of them.
    # It waits twice as long before each try to connect anew (measured: half a minute late after an
    # outage of twenty seconds), and begins afresh when it has given up and is asked again.
    # The statements of `events.rows` are prepared after five uses, psycopg's own number; the ORM's
    # never are.
    _options = {
        "pool": {"min_size": 1, "max_size": 10, "timeout": 5, "reconnect_timeout": 5},
        "prepare_threshold": 5,
    }
else:
    _options = {}
# What the address says of its own, such as `?sslmode=require`, goes before.
DATABASES["default"]["OPTIONS"] = _options | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts and security

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_RESET_TIMEOUT = 3600  # seconds that a link for a new password is good for
# Tries that are free at once, and the seconds after each of which there is one more: of an address,
# and of a name, which may be an e-mail address.
ACCOUNTS_LIMITS = {
    "sign-in": {"address": (50, 30), "name": (10, 120)},
    "sign-up": {"address": (number("ACCOUNTS_SIGN_UPS", 30, at_least=1), 120)},
    "letter": {"address": (20, 180), "name": (5, 600)},
    "export": {"name": (10, 360)},
}
LOGIN_URL = "jobs:login"
LOGIN_REDIRECT_URL = "jobs:photos"
LOGOUT_REDIRECT_URL = "jobs:login"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if split(PUBLIC_URL).netloc else []
SESSION_ENGINE = "jobs.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _TLS else 0
# On every response; what a view has set itself stays.
SECURITY_HEADERS = {
    # Everything comes from our own files; nothing stands within a page. Pictures also from what a
    # script of ours has made of a chosen file.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": X_FRAME_OPTIONS,
    # A browser's own copy, and that asked for again: pages and answers are about who is signed in.
    "Cache-Control": "private, no-cache",
}
if _TLS:
    # By PUBLIC_URL, not by the request, whose own scheme a proxy may have hidden.
    SECURITY_HEADERS["Strict-Transport-Security"] = f"max-age={SECURE_HSTS_SECONDS}"

# Files

# Private: originals and results are handed out by views that know who asks, never by address.
MEDIA_ROOT = Path(given("MEDIA_ROOT", str(VAR_DIR / "media")))
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
# The pages use the JavaScript client as others do.
STATICFILES_DIRS = [("client", BASE_DIR / "client" / "src")]
# Static files come straight from the apps, so that nobody has to collect them first.
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Language and time

LANGUAGE_CODE = "en"
# Only what our own pages are translated to; Django's words in another language would stand alone.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "photorestore" / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = _TLS
TIME_ZONE = "UTC"
USE_TZ = True

# E-mail

# By default letters are printed, so that whoever tries the site sees their links.
EMAIL_URL = given("EMAIL_URL", "consolemail://")
# photorestore.E030 says where it names no way to send any.
_EMAIL = letters(EMAIL_URL) or letters("consolemail://") or {}
EMAIL_BACKEND = _EMAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH = f"/{_EMAIL['EMAIL_FILE_PATH']}"
EMAIL_HOST = _EMAIL["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _EMAIL["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _EMAIL["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _EMAIL["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = given("EMAIL_FROM", f"PhotoRestore <noreply@{split(PUBLIC_URL).hostname}>")

# Logs

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "secrets": {"()": "photorestore.logs.WithoutSecrets"},
        "in-one-line": {"()": "photorestore.logs.InOneLine"},
    },
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["secrets"],
            "formatter": "line",
        },
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # It repeats itself while a database is away; what failed for want of it says so itself.
        "psycopg.pool": {"level": "ERROR"},
        "channels_redis.pubsub": {"filters": ["in-one-line"]},
        # uvicorn logs whole addresses, by handlers of its own that it has set up before it loads
        # us: ours take their place. The filters are for an embedder who sets it up afterwards.
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.error": {"filters": ["secrets"]},
        "uvicorn.asgi": {"filters": ["secrets"]},
        "uvicorn.access": {
            "handlers": [],
            "filters": ["secrets"],
            # By --no-access-log it has no handler left, and shall get none.
            "propagate": logging.getLogger("uvicorn.access").hasHandlers(),
        },
    },
}

# The broker, for three uses

REDIS_URL = given("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        # Pub/sub, not the core layer, which drops what exceeds 100 messages a process.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # A site's own: pub/sub knows no database numbers, and what another site that shares the
            # broker says of its owner.1 is not for ours.
            "prefix": f"photorestore-{sha256(f'channels {SECRET_KEY}'.encode()).hexdigest()[:16]}",
            "hosts": [
                {
                    "address": REDIS_URL,
                    # redis-py 8 would otherwise time out every idle subscriber after 5 s.
                    "socket_timeout": None,
                    "socket_connect_timeout": 2,
                    "socket_keepalive": True,
                    "health_check_interval": 15,
                }
            ],
        },
    },
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Without these a worker stays deaf after a network that swallows bytes (measured: 100 s).
    # Also how long a request waits for a broker that is there and says nothing.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 600,
}
# A request that finds the broker down must not wait for it; the reconciler repeats the task.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What is printed, a letter for instance, is for whoever sits there, and no line of a log.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULE = {
    "reconcile-jobs": {
        "task": "jobs.tasks.reconcile_jobs",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "tell-places": {
        "task": "jobs.tasks.tell_places",
        "schedule": 3.0,
        "options": {"expires": 3},
    },
    "make-missing-thumbnails": {
        "task": "jobs.tasks.make_missing_thumbnails",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "send-due-webhooks": {
        "task": "jobs.tasks.send_due_webhooks",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "close-accounts": {
        "task": "jobs.accounts.tasks.close_accounts",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget-keys": {
        "task": "jobs.tasks.forget_keys",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget-expired": {
        "task": "jobs.tasks.forget_expired",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget-leftovers": {
        "task": "jobs.tasks.forget_leftovers",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget-uploads": {
        "task": "jobs.tasks.forget_uploads",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "prune-log": {
        "task": "events.tasks.prune_log",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "prune-deliveries": {
        "task": "webhooks.tasks.prune_deliveries",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
}

# The API

REST_FRAMEWORK = {
    # Bearer first: its challenge makes an anonymous call a 401, which a session's would not.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jobs.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["jobs.authentication.IsPermitted"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jobs.api.parsing.JSONParser"],
    "EXCEPTION_HANDLER": "events.problems.handle",
    # A picture's `?format=` is its own.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "PhotoRestore",
    "DESCRIPTION": "Restores old photos, and shows each result the moment it exists.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["jobs.api.schema.hooks.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "jobs.api.schema.hooks.complete",
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
# Calls that a user may make in a minute, by the scope of tokens that they are of; pictures apart,
# of which a page has many.
API_RATES = {
    "pictures": number("API_RATE_PICTURES", 3000, at_least=1),
    "read": number("API_RATE_READ", 600, at_least=1),
    "restore": number("API_RATE_RESTORE", 120, at_least=1),
    "events": number("API_RATE_EVENTS", 120, at_least=1),
}

# Hosts that webhooks of users may name, by https and at public addresses alone; a leading dot is a
# wildcard, * is any. An origin, such as http://127.0.0.1:9000, is called wherever it leads.
WEBHOOKS_HOSTS = given("WEBHOOKS_HOSTS", "*").split(",")

# Pages of other origins that may call the API, with the session's cookie too. None others.
CORS_ALLOWED_ORIGINS = [
    origin.strip() for origin in given("CORS_ALLOWED_ORIGINS", "").split(",") if origin.strip()
]
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "cache-control", "content-type", "idempotency-key", "if-match"),
    *("if-none-match", "if-range", "last-event-id", "range", "x-csrftoken"),
]
CORS_EXPOSE_HEADERS = [
    *("accept-ranges", "content-disposition", "content-range", "etag", "link", "location"),
    *("ratelimit", "ratelimit-limit", "ratelimit-policy", "ratelimit-remaining"),
    *("ratelimit-reset", "retry-after", "www-authenticate"),
]

# Streams

# The module that says who may follow what (events.access.Authority).
EVENTS_AUTHORITY = "jobs.following"
# On every answer at a stream's address that is no stream: there is no middleware.
EVENTS_HEADERS = SECURITY_HEADERS
# Seconds between two comments on a quiet stream.
EVENTS_HEARTBEAT = number("EVENTS_HEARTBEAT", 15.0, at_least=0.1)
# Seconds between two questions to the log about messages that were lost.
EVENTS_CATCH_UP = number("EVENTS_CATCH_UP", 2.0, at_least=0.1)
# Seconds, ± a fifth, after which a client is asked to come back.
EVENTS_LIFETIME = number("EVENTS_LIFETIME", 600.0, at_least=1.0)
# Messages that wait for one client before it is sent to the log instead.
EVENTS_BUFFER = number("EVENTS_BUFFER", 64, at_least=1)
# Seconds without reading after which a client loses its connection.
EVENTS_STALL = number("EVENTS_STALL", 30.0, at_least=1.0)
# Seconds between two questions whether those who follow still may.
EVENTS_RECHECK = number("EVENTS_RECHECK", 5.0, at_least=0.1)
# Open streams of one process, and of one user in one process.
EVENTS_MAX_STREAMS = number("EVENTS_MAX_STREAMS", 10_000, at_least=1)
EVENTS_MAX_STREAMS_PER_USER = number("EVENTS_MAX_STREAMS_PER_USER", 100, at_least=1)
# Seconds at shutdown for every open stream to end cleanly.
EVENTS_GRACE = number("EVENTS_GRACE", 2.0, at_least=0.0)
# Days after which an event may be pruned: for so long a client may be away and miss nothing.
EVENTS_KEEP_DAYS = number("EVENTS_KEEP_DAYS", 7, at_least=0, at_most=36500)
# Events of each stream that are kept, however old.
EVENTS_KEEP_LAST = number("EVENTS_KEEP_LAST", 20, at_least=1)
# What signs grants, as "kid:secret,kid:secret": the first signs, each verifies. Unset: SECRET_KEY.
EVENTS_GRANT_KEYS = given("EVENTS_GRANT_KEYS", "")
# Seconds that a grant is good for; nothing but a new key ends it sooner.
EVENTS_GRANT_LIFETIME = number("EVENTS_GRANT_LIFETIME", 3600.0, at_least=1.0, at_most=604_800.0)

# Watching

# What a Prometheus elsewhere sends as its bearer token; without it only staff see the metrics.
METRICS_TOKEN = given("METRICS_TOKEN", "")

# RunPod

RUNPOD_BASE_URL = given("RUNPOD_BASE_URL", "").rstrip("/")
RUNPOD_API_KEY = given("RUNPOD_API_KEY", "")
RUNPOD_ENDPOINT_ID = given("RUNPOD_ENDPOINT_ID", "")
RUNPOD_ENDPOINT_KIND = given("RUNPOD_ENDPOINT_KIND", "photorestore")
# Seconds a worker may run on one photo.
RUNPOD_EXECUTION_TIMEOUT = number("RUNPOD_EXECUTION_TIMEOUT", 600, at_least=5, at_most=604_800)
# Seconds from submit, queue and run together; then RunPod forgets the job.
RUNPOD_TTL = number("RUNPOD_TTL", 3600, at_least=10, at_most=604_800)
# Whether RunPod starts no worker for our jobs, but lets those that run take them.
RUNPOD_LOW_PRIORITY = (
    given("RUNPOD_LOW_PRIORITY", "false").lower() in environ.Env.BOOLEAN_TRUE_STRINGS
)
# Seconds after which a submit is repeated of which nothing was heard: its answer or task was lost.
RUNPOD_SILENCE = number("RUNPOD_SILENCE", 60, at_least=1)
# Seconds in which a worker's running time stands still before we say that it hangs.
RUNPOD_FROZEN = number("RUNPOD_FROZEN", 120, at_least=1)
RUNPOD_ATTEMPTS = 3  # submits of one job that RunPod took, or may have taken, before it fails
RUNPOD_PATIENCE = 24 * 3600  # seconds that a job waits for RunPod to take it before it is given up
# Days that calls of webhooks are kept in admin.
RUNPOD_KEEP_DAYS = number("RUNPOD_KEEP_DAYS", 7, at_least=0, at_most=36500)
RUNPOD_MAX_WEBHOOK = 32 * 1024 * 1024  # bytes; the body carries the result in base64
# Of kind comfyui: the workflows to choose from, the first by default (jobs.endpoints.workflows).
RUNPOD_COMFYUI_WORKFLOWS = given("RUNPOD_COMFYUI_WORKFLOWS", "enlarge").split(",")
# Of kind generic: what the worker takes (jobs.endpoints.generic).
RUNPOD_GENERIC_INPUT = given("RUNPOD_GENERIC_INPUT", "image-url")
# From where results are fetched that come as addresses: hosts, or whole origins (jobs.fetching).
RUNPOD_RESULT_HOSTS = given("RUNPOD_RESULT_HOSTS", "").split(",")
RUNPOD_RESULT_TIMEOUT = number("RUNPOD_RESULT_TIMEOUT", 60.0, at_least=1.0, at_most=300.0)

# Photos

PHOTOS_MAX_BYTES = 50 * 1024 * 1024
PHOTOS_MAX_PIXELS = 100_000_000
# Bytes of any request. Far beyond a photo's, so that what is too large is told so on its page.
MAX_BODY = 4 * PHOTOS_MAX_BYTES
