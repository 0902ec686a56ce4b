"""The ASGI application that a web server loads."""

from __future__ import annotations

import gc
import os
import sys
import warnings

import django
from django.conf import settings
from django.core.management.base import BaseCommand

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")

# Static files come from the apps, so that the folder of gathered ones may be missing.
warnings.filterwarnings("ignore", message="No directory at", module="django.core.handlers.base")

django.setup()

# Models can be imported only now.
from events import reads  # noqa: E402
from events.serving import EventStreams  # noqa: E402

from . import files  # noqa: E402
from .body_limit import BodyLimit  # noqa: E402
from .handler import BareHandler, Choice, PooledHandler  # noqa: E402
from .health import Health  # noqa: E402

# The streams' outermost: what stands around them is kept with each of them for as long as it lasts.
requests = Choice("/api/v1/webhooks/runpod-", BareHandler(), others=PooledHandler())
application = EventStreams(Health(BodyLimit(requests, limit=settings.MAX_BODY)))
reads.start()
files.take_all()

# Only manage.py runs the system checks by itself. A server with a wrong setting must not start.
BaseCommand().check()

# A full collection visits whatever lives, and thousands of streams do: it was most of the slowest
# hundredth of deliveries (measured). What was loaded until now lives for ever; what comes later is
# freed by counting, all but rare cycles.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)

# Seconds that a thread may keep the others waiting, the event loop among them, which has what the
# thread has just committed to deliver. By default it is five milliseconds.
sys.setswitchinterval(0.0002)
