"""The real settings, with what a test session needs to be quick and repeatable."""

from __future__ import annotations

from photorestore.settings import *  # noqa: F403
from photorestore.settings import DATABASES, MEDIA_ROOT

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: several threads write, which an in-memory database would not let them.
    DATABASES["default"]["TEST"] = {"NAME": MEDIA_ROOT.parent / "test.sqlite3"}
# One round is enough where nothing is at stake.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests of one minute and of one user are many. Those of the rates set their own.
API_RATES = dict.fromkeys(("pictures", "read", "restore", "events"), 100_000)
RUNPOD_BASE_URL = "http://127.0.0.1:9/v2"  # nobody; tests that need RunPod name their own
RUNPOD_API_KEY = "test-key"
RUNPOD_ENDPOINT_ID = "local"
SECRET_KEY = "only for tests"
STATIC_ROOT = MEDIA_ROOT.parent / "static"
STATIC_ROOT.mkdir(exist_ok=True)
