"""RunPod's calls: verify, parse, hand over. The status codes are meant for its retries."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import suppress
from typing import IO, Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.problems import Problem
from jobs import callbacks, lifecycle, progress, tasks, uploads
from jobs.models import Attempt
from jobs.runpod import Report, plain

from . import deliveries
from .models import Delivery, Kind

_CHUNK = 64 * 1024
_SOON_READ = 8 * 1024  # bytes: what may be read and judged before it is known who calls
_IN_MEMORY = 1024 * 1024  # bytes of an upload; more go to a file


class BoundedJSONParser(BaseParser):
    """JSON up to RUNPOD_MAX_WEBHOOK bytes, whatever type it says it is."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> Any:
        """Return the document. Raises Problem 413 or 400."""
        body = stream.read(settings.RUNPOD_MAX_WEBHOOK + 1)
        if len(body) > settings.RUNPOD_MAX_WEBHOOK:
            megabytes = settings.RUNPOD_MAX_WEBHOOK // 1024**2
            raise Problem(413, "too_large", f"A webhook may have up to {megabytes} MB.")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "malformed", "The body is not JSON.") from error


class RunPodView(APIView):
    """A call that nobody signs: who knows an attempt's token is RunPod, or our worker there.

    What came is written down last, when browsers have been told of it.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (BoundedJSONParser,)
    kind: ClassVar[Kind]

    attempt: Attempt | None = None
    body: Any = None
    outcome = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, and have it written down."""
        began = time.monotonic()
        response = super().dispatch(request, *args, **kwargs)
        if request.method == "POST" and self.is_worth_a_record(response.status_code):
            took = time.monotonic() - began
            deliveries.record(self._record(request, response), token=kwargs["token"], took=took)
        self._forget()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask nothing: anybody may call, and is answered in JSON, whatever they would accept."""
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"

    def _forget(self) -> None:
        """Let go of what may be megabytes: requests wait in cycles for the garbage collector."""
        if isinstance(self.body, dict):
            self.body.clear()

    def is_worth_a_record(self, status: int) -> bool:
        """Tell whether a call that was answered so is to be written down."""
        return True

    def _record(self, request: HttpRequest, response: Any) -> Delivery:
        return Delivery(
            kind=self.kind,
            attempt=self.attempt,
            headers=dict(request.headers),
            report=self.body,
            answer=response.status_code,
            outcome=self.outcome or response.data.get("detail", ""),
        )

    def belongs_to(self, attempt: Attempt | None) -> Attempt:
        """Note whose call it is, and return them; Http404 if that is nobody."""
        self.attempt = attempt
        if attempt is None:
            self.outcome = deliveries.NOBODY_S
            raise Http404
        return attempt


class RunPodCompletion(RunPodView):
    """The webhook of /run: a job has ended."""

    kind = Kind.COMPLETION

    def post(self, request: Request, token: str) -> Response:
        """Take the report in: 200, and exactly that, or RunPod calls again, twice at most."""
        told = _is_told_at_once(token, _small_document(request))
        attempt = self.belongs_to(callbacks.attempt_of(token))
        self.body = request.data
        try:
            report = Report.parse(self.body)
        except ValueError as error:
            raise Problem(400, "malformed", str(error)) from error
        is_first_to_name_it = attempt.runpod_job_id is None
        try:
            moved = lifecycle.apply_report(attempt=attempt, report=report) or told
        except lifecycle.WrongAttemptError as error:
            moved = told  # and only then was another word of it taken in
            if not told:
                self.outcome = deliveries.ANOTHER_S
                raise Http404 from error
        self.outcome = deliveries.MOVED if moved else deliveries.UNCHANGED
        if is_first_to_name_it:
            tasks.confirm_soon(attempt)
        return Response({"ok": True})


class RunPodProgress(RunPodView):
    """Our worker tells how far it is: `{"progress": 0…1, "stage": "name"}`."""

    kind = Kind.PROGRESS

    def is_worth_a_record(self, status: int) -> bool:
        """Tell that of a call which was refused; of the others there are two a second."""
        return status != 200

    def post(self, request: Request, token: str) -> Response:
        """Take it in, by a token of its own: it completes nothing."""
        if _is_progress_told_at_once(token, _small_document(request)):
            return Response({"ok": True})
        attempt = self.belongs_to(callbacks.reporting_attempt_of(token))
        self.body = request.data
        fraction, stage = _progress(self.body)
        progress.report(attempt=attempt, fraction=fraction, stage=stage)
        return Response({"ok": True})


class PictureParser(BaseParser):
    """A picture of up to PHOTOS_MAX_BYTES, whatever type it says it is."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> Any:
        """Return it as a file. Raises Problem 413."""
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
            if file.tell() > settings.PHOTOS_MAX_BYTES:
                file.close()
                megabytes = settings.PHOTOS_MAX_BYTES // 1024**2
                raise Problem(413, "too_large", f"A picture may have up to {megabytes} MB.")
        return file


class RunPodUpload(APIView):
    """Our worker leaves a picture that is too large for its answer. What it is, is judged later."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (PictureParser,)

    def put(self, request: Request, attempt_id: int) -> Response:
        """Keep it, under the attempt's name."""
        signature = request.query_params.get("signature", "")
        attempt = callbacks.uploading_attempt_of(attempt_id, signature)
        if attempt is None:
            raise Http404
        file: Any = request.data
        with file:
            uploads.keep(attempt, file)
        return Response({"ok": True}, status=201)


def _small_document(request: Request) -> Any:
    """Return what a body says that is soon read, whoever it is from; None if it is not."""
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdecimal() or int(length) > _SOON_READ:
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(request.body)
    return None


def _is_told_at_once(token: str, document: Any) -> bool:
    try:
        report = Report.parse(document)
    except ValueError:
        return False
    return lifecycle.end_at_once(token=token, report=report)


def _is_progress_told_at_once(token: str, document: Any) -> bool:
    attempt_id = callbacks.reporting_id_of(token)
    if attempt_id is None:
        return False
    try:
        fraction, stage = _progress(document)
    except Problem:
        return False
    return lifecycle.progress_at_once(attempt_id=attempt_id, fraction=fraction, stage=stage)


def _progress(body: Any) -> tuple[float, str]:
    fields = body if isinstance(body, dict) else {}
    fraction, stage = fields.get("progress"), fields.get("stage", "")
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        fraction = -1
    if 0 <= fraction <= 1 and isinstance(stage, str):
        return float(fraction), plain(stage)[:40]
    detail = '{"progress": a number from 0 to 1, "stage": a text} is what we take.'
    raise Problem(400, "malformed", detail)
