"""Fixtures for every test."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import celery
import pytest
import uvicorn
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from . import factories
from .cloud import Cloud
from .services import free_port, wait_for_port

# An example that takes long is no fault: the machine may be slow.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """Give each test a place of its own for files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Let no test speak the language of the last request of another."""
    yield
    translation.deactivate()


@pytest.fixture
def user(db: None) -> User:
    """Return somebody."""
    return factories.user()


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    """Run the site under uvicorn in a thread of this process, and return its address."""
    from photorestore.asgi import application

    with serving(application) as address:
        yield address


@contextmanager
def serving(application: Any, **options: Any) -> Iterator[str]:
    """Run the application under uvicorn in a thread while the context lasts."""
    port = free_port()
    # Its own settings of logs would take from ours what they have of its lines.
    config = uvicorn.Config(application, port=port, lifespan="off", log_config=None, **options)
    config.timeout_graceful_shutdown = 1  # what a test that failed has left open
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    wait_for_port(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        running.force_exit = True
        thread.join()


@pytest.fixture
def cloud(settings: Any) -> Iterator[Cloud]:
    server = Cloud()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    settings.RUNPOD_BASE_URL = server.url
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Celery speak to a port where nobody is."""
    conf: Any = celery.current_app.conf
    conf.broker_write_url = "redis://127.0.0.1:9/0"
    monkeypatch.setattr(celery.current_app.amqp, "_producer_pool", None)
    yield
    conf.broker_write_url = None


@pytest.fixture(scope="session", autouse=True)
def _no_files_left() -> Iterator[None]:
    yield
    shutil.rmtree(django_settings.MEDIA_ROOT, ignore_errors=True)
