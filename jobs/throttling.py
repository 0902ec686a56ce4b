"""How often somebody may call: so many times a minute, of each scope and of pictures apart."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from .authentication import scope_of

logger = logging.getLogger(__name__)

_WINDOW = 60  # seconds


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a rate's limit, and in how many seconds it begins anew."""

    rate: str
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it (draft-ietf-httpapi-ratelimit-headers-10).

        The last three are those of its first drafts, which more clients know.
        """
        return {
            "RateLimit-Policy": f'"{self.rate}";q={self.limit};w={_WINDOW}',
            "RateLimit": f'"{self.rate}";r={self.remaining};t={self.reset}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class UserThrottle(BaseThrottle):
    """A user's calls of one kind in one minute, counted where all processes see it.

    Not counted while the broker is away: it shall not stop the API, too.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the call, note the quota on the request as `quota`, and tell whether it is left."""
        if not request.user.is_authenticated:
            return True
        rate = getattr(view, "rate", scope_of(request, view).value)
        limit, now = settings.API_RATES[rate], time.time()
        count = _count(f"{request.user.pk}:{rate}:{int(now // _WINDOW)}")
        self._reset = _WINDOW - int(now % _WINDOW)
        request.quota = Quota(rate, limit, max(limit - count, 0), self._reset)  # type: ignore[attr-defined]
        return count <= limit

    def wait(self) -> float:
        """Return the seconds until the next minute."""
        return self._reset


def _count(key: str) -> int:
    try:
        pipeline = _broker(settings.REDIS_URL).pipeline(transaction=False)
        pipeline.incr(f"{_prefix()}:rate:{key}")
        pipeline.expire(f"{_prefix()}:rate:{key}", 2 * _WINDOW)
        return int(pipeline.execute()[0])
    except RedisError as error:
        logger.warning("Calls are not counted: %s", error)
        return 0


@lru_cache(maxsize=1)
def _broker(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


def _prefix() -> str:
    """Return what keeps apart sites that share a broker."""
    return f"photorestore-{sha256(f'rates {settings.SECRET_KEY}'.encode()).hexdigest()[:16]}"
