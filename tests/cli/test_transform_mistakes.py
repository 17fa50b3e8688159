"""Mistakes in the command line, the configuration and the places of `carotid transform`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.study import Study, finished, one_line, study
from tests.command import tree

__all__ = ["finished", "study"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--participant", "sub-03"), "sub-01, sub-02"),
        (("--participant", "../x"), "sub-01, sub-02"),
        (("--participant", ""), "sub-01, sub-02"),
        (("--device", "cuda"), "CUDA is not available"),
        (("--device", "tpu"), "'tpu' is not one of 'cuda', 'cpu'"),
        (("--threads", "0"), "--threads"),
        (("--config-path", "absent.toml"), "absent.toml: the configuration file does not exist"),
        (("--no-such-option",), "--no"),
    ],
)
def test_usage_mistakes(arguments: tuple[str, ...], words: str, study: Study) -> None:
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    before = tree(study.out)
    run = study.run(*arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert tree(study.out) == before


def test_every_configuration_mistake_is_told(study: Study) -> None:
    study.config.write_text("[heatmap_transform]\nroi_sise = 3\nspacing = 'no'\n[polr_transform]\n")
    run = study.run()
    assert run.returncode == 2
    text = one_line(run.stderr)
    assert "did you mean 'roi_size'" in text
    assert "spacing" in text
    assert "did you mean 'polar_transform'" in text


def test_output_among_the_input_or_on_a_file(study: Study) -> None:
    before = tree(study.folder)
    places = (study.raw, study.raw / "out", study.models / "x", study.config, Path("/proc/nowhere"))
    for place in places:
        study.out = place
        run = study.run()
        assert run.returncode == 2, run.stderr
        assert "output directory" in one_line(run.stderr)
    assert tree(study.folder) == before
