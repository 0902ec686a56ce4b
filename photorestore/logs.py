"""What never reaches a log line, and what is said in one."""

from __future__ import annotations

import logging
import re

_SECRETS = re.compile(r"(runpod-(?:completion|progress)/|[?&](?:token|signature)=)[^/\s?&\"']+")


class WithoutSecrets(logging.Filter):
    """Blanks callback tokens and signatures in messages, whoever logs them (Django logs paths)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        message = record.getMessage()
        clean = _SECRETS.sub(r"\1…", message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


class InOneLine(logging.Filter):
    """Says an expected failure, such as a broker that is gone, without its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]}", None
            record.exc_info = record.exc_text = None
        return True
