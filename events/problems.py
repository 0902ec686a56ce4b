"""Errors as RFC 9457 problem documents, for every door of the API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"


class ProblemDocument(TypedDict):
    """What went wrong: `detail` for people, `code` for programs (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Problem(exceptions.APIException):
    """An error with a stable `code` for programs and a sentence for people."""

    def __init__(
        self, status: int, code: str, detail: str, *, wait: int | None = None, **members: Any
    ) -> None:
        """`wait`: seconds after which it may go better, for Retry-After."""
        super().__init__(detail, code)
        self.status_code = status
        self.wait = wait
        self.members = members
        self.headers: dict[str, str] = {}


def document(
    status: int, code: str, detail: str, members: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the document: RFC 9457's members, our `code`, and what else helps the caller."""
    phrase = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **(members or {}),
    }


def handle(error: Exception, context: dict[str, Any] | None = None) -> Response | None:
    """Turn an expected exception into a problem response (DRF's EXCEPTION_HANDLER)."""
    error = _expected(error)
    if not isinstance(error, exceptions.APIException):
        return None
    body = document(error.status_code, *_code_and_detail(error), getattr(error, "members", None))
    return Response(
        body,
        status=error.status_code,
        headers=_headers(error),
        content_type=CONTENT_TYPE,
    )


def response(error: Exception) -> JsonResponse:
    """Return the same document outside of DRF; raises what is not an expected error."""
    answer = handle(error)
    if answer is None:
        raise error
    # DRF names the type only when it renders, which is not done here.
    headers = {**answer.headers, "Content-Type": CONTENT_TYPE}
    return JsonResponse(answer.data, status=answer.status_code, headers=headers, content_type=None)


def _expected(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, RecursionError):
        return exceptions.ParseError("The JSON is nested too deeply.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", "The fields of the form are too large.")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return exceptions.ParseError("The request has too many fields or files.")
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError("The request is malformed.")
    return error


def _code_and_detail(error: exceptions.APIException) -> tuple[str, str]:
    if isinstance(error, exceptions.ValidationError):
        return "invalid", _sentences(error.detail)
    codes = error.get_codes()
    return str(codes), str(error.detail)


def _sentences(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(f"{field}: {_sentences(value)}" for field, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentences(value) for value in detail)
    return str(detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {**getattr(error, "headers", {})}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers
