"""Webhooks of users: what they register, what is to be sent, how it is signed and sent."""

from __future__ import annotations
