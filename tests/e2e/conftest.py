"""Everything here runs real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services import free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a port, a database and a folder of the test's own."""
    return {
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
    }
