"""What is printed of log records, and how often."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from carotid.cli.logs import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("carotid.tests")


@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    """The package's logger, as it was before once the test is over."""
    package = logging.getLogger("carotid")
    before = package.handlers[:], package.level, package.propagate
    yield package
    package.handlers[:], package.level, package.propagate = before


@pytest.mark.usefixtures("package_logger")
def test_a_warning_is_printed_once_and_other_lines_each_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(1)
    for _ in range(3):
        logger.warning("%s: slices lie far apart", "sub-01")
        logger.info("sub-01: read")
    logger.warning("%s: slices lie far apart", "sub-02")
    lines = capsys.readouterr().err.splitlines()
    assert lines.count("carotid: warning: sub-01: slices lie far apart") == 1
    assert lines.count("carotid: warning: sub-02: slices lie far apart") == 1
    assert lines.count("carotid: sub-01: read") == 3
    set_up_logging(0)
    logger.warning("%s: slices lie far apart", "sub-01")
    assert "sub-01" in capsys.readouterr().err, "another command begins anew"
