from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from carotid.errors import CarotidError
from carotid.storage.sha256sums import read_sha256sums

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "0a" * 32, "f3" * 32


@pytest.mark.parametrize("options", [[], ["--binary"], ["--tag"]])
@pytest.mark.parametrize("name", ["member 0 (1).pt", "./member 0 (1).pt"])
def test_what_the_usual_tool_writes(tmp_path: Path, options: list[str], name: str) -> None:
    (tmp_path / name).write_bytes(b"weights")
    run = ["sha256sum", *options, name]
    text = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    (tmp_path / "SHA256SUMS").write_text(text)
    (sha256,) = (word for word in text.split() if len(word) == 64)
    assert read_sha256sums(tmp_path) == {"member 0 (1).pt": sha256}


def test_other_forms(tmp_path: Path) -> None:
    assert read_sha256sums(tmp_path) == {}
    lines = [
        "# checksums",
        f"SHA2-256(a.pt)= {ONE.upper()}",
        f"SHA256(b.pt)= {OTHER}",
        "",
        f"{ONE}\t./split-1/../split-1/model.pt",
        f"{ONE}  a.pt",
    ]
    (tmp_path / "SHA256SUMS").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert read_sha256sums(tmp_path) == {"a.pt": ONE, "b.pt": OTHER, "split-1/model.pt": ONE}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SHA256 (a.pt) = 0000\n", "line 1 is no SHA-256"),
        (f"{ONE}  a.pt\nSHA512 (a.pt) = {ONE}{ONE}\n".encode(), "line 2 is no SHA-256"),
        (f"MD5 (a.pt) = {ONE[:32]}".encode(), "line 1 is no SHA-256"),
        (ONE.encode(), "line 1 is no SHA-256"),
        (f"{ONE}  a.pt\n{OTHER}  ./a.pt\n".encode(), "line 2 has another checksum"),
        (f"{ONE}  a.pt\n".encode("utf-16"), "not text in UTF-8"),
        (b"#" * (1 << 20) + b"\n", "too large"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(content)
    with pytest.raises(CarotidError, match=rf"SHA256SUMS.*{words}"):
        read_sha256sums(tmp_path)


def test_a_folder_or_a_dead_link_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").mkdir()
    with pytest.raises(CarotidError, match=r"SHA256SUMS.*folder"):
        read_sha256sums(tmp_path)
    (tmp_path / "SHA256SUMS").rmdir()
    (tmp_path / "SHA256SUMS").symlink_to("nowhere")
    with pytest.raises(CarotidError, match="link"):
        read_sha256sums(tmp_path)
