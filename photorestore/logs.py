"""What never reaches a log line, and what is said in one."""

from __future__ import annotations

import logging
import re


def _spelled(word: str) -> str:
    """Match the word, also percent-encoded: Django decodes the names in a query, too."""
    return "".join(f"(?:{letter}|%{ord(letter):02x})" for letter in word)


_NAMES = f"(?:{_spelled('token')}|{_spelled('signature')})"
# Each keeps its group, and none reads a character twice: who asks for a page writes our log.
_SECRETS = [
    re.compile(r"(runpod-(?:completion|progress)(?:/|%2f))[^/\s?&\"'#]+", re.IGNORECASE),
    re.compile(r"(accounts(?:/|%2f)reset(?:/|%2f)[^/\s?&\"'#]+/)[^/\s?&\"'#]+", re.IGNORECASE),
    re.compile(r"(account(?:/|%2f)email(?:/|%2f))[^/\s?&\"'#]+", re.IGNORECASE),
    re.compile(rf"((?:(?<![\w-])|%3f|%26){_NAMES}(?:=|%3d))[^\s&\"'#;<>]+", re.IGNORECASE),
    re.compile(r"(bearer(?:\s|%20|\+)+)[^\s\"',]+", re.IGNORECASE),
]
_WORD = re.compile(r"[\w.%-]+")
_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_FORMATTER = logging.Formatter()


def without_secrets(text: str) -> str:
    """Return the text without callback tokens, signatures, grants and bearer tokens."""
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    return _WORD.sub(_without_jwt, text)


def _without_jwt(word: re.Match[str]) -> str:
    """Blank a grant that stands bare: three parts, the first of them JSON in base64."""
    before, found, after = word[0].partition("eyJ")
    return f"{before}…" if found and len(_DOT.findall(after)) > 1 else word[0]


class WithoutSecrets(logging.Filter):
    """Blanks secrets in messages and tracebacks, whoever logs them (Django logs paths)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        message = _message(record)
        if (clean := without_secrets(message)) != message:
            _rewrite(record, clean)
        if record.exc_info and not record.exc_text:
            # What a formatter would make of it; it takes what is there.
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = without_secrets(record.exc_text)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # The handler complains of it, and shows both.
        return f"{record.msg} {record.args}"


def _rewrite(record: logging.LogRecord, clean: str) -> None:
    """Blank the arguments where that is enough: uvicorn's access log is made of them."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            without_secrets(argument) if isinstance(argument, str) else argument
            for argument in record.args
        )
    if _message(record) != clean:
        record.msg, record.args = clean, None


class InOneLine(logging.Filter):
    """Says an expected failure, such as a broker that is gone, without its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]}", None
            record.exc_info = record.exc_text = None
        return True
