"""What happens in the middle of a request, between any two of its queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Meanwhile:
    """Has something happen before the query of that number, counted from 1.

    For `connection.execute_wrapper`; `when` may put it off to a later query.
    """

    def __init__(
        self,
        number: int,
        happen: Callable[[], object],
        *,
        when: Callable[[], bool] = lambda: True,
    ) -> None:
        self._left = number
        self._happen = happen
        self._when = when
        self.happened = False

    def __call__(self, execute: Any, *query: Any) -> Any:
        """Run the query, after what was to happen before it."""
        self._left -= 1
        if self._left <= 0 and not self.happened and self._when():
            self.happened = True
            self._happen()
        return execute(*query)
