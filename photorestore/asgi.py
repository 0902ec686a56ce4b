"""The ASGI application that a web server loads."""

from __future__ import annotations

import os
import warnings

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management.base import BaseCommand

from .body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")

# WhiteNoise's static files are small enough to be gathered, which is what Django warns of, and
# come from the apps, so that the folder of gathered ones may be missing.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
warnings.filterwarnings("ignore", message="No directory at", module="django.core.handlers.base")

application = BodyLimit(get_asgi_application(), limit=settings.MAX_BODY)

# Only manage.py runs the system checks by itself. A server with a wrong setting must not start.
BaseCommand().check()
