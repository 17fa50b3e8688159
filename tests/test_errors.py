"""Messages stand alone on one line: what, where, found, expected, what to do."""

from __future__ import annotations

import pickle

import pytest

from carotid.errors import CarotidError, ConfigurationError, InputError, ModelError, UsageError


def test_message_has_all_parts_in_order() -> None:
    error = InputError(
        "it is torn", where="scan.mha", found="3 bytes", expected="9 bytes", remedy="copy it again"
    )
    assert str(error) == "scan.mha: it is torn (found 3 bytes, expected 9 bytes). Copy it again."
    assert str(CarotidError("it is torn")) == "it is torn"


def test_control_characters_and_lines_are_spelled_out() -> None:
    error = CarotidError("a\nb\x1b[31m\u202e", where="x\r\ny")
    assert str(error).isprintable()
    assert str(error) == "x y: a b\\x1b[31m\\u202e"


def test_place_is_added_once() -> None:
    error = InputError("it is torn", found=3).at("a")
    assert str(error.at("b")) == "a: it is torn (found 3)"
    assert isinstance(error, InputError)


@pytest.mark.parametrize("kind", [InputError, ModelError, ConfigurationError, UsageError])
def test_errors_travel_between_processes(kind: type[CarotidError]) -> None:
    error = kind("torn", where="a", found=1, expected=2, remedy="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.exit_code == (2 if issubclass(kind, UsageError) else 1)
