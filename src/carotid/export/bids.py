"""A BIDS derivative data set: label maps as `dseg`, and tables with data dictionaries.

Source of the names and keys: BIDS 1.11, "Derivatives" and "Imaging data types", segmentations. BIDS
has no name for tables of measurements; they lie beside the images with a suffix of ours, which
`.bidsignore` names. What users add to `dataset_description.json` stays there.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from carotid import __version__
from carotid.errors import UsageError
from carotid.export.bids_names import bids_names
from carotid.export.bids_sources import DESCRIPTION
from carotid.export.nifti import write_labels
from carotid.export.studies import WORDS, tell_of_others, whole_file
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.results.layout import (
    CONTOUR_TRANSFORM,
    MEASUREMENT_TRANSFORM,
    SEGMENTATION_TRANSFORM,
    MeasurementLayout,
)
from carotid.storage.results.measurement_tables import (
    dictionary_text,
    load_table,
    table_text,
)
from carotid.storage.results.segmentations import load_segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.export.bids_names import BidsName
    from carotid.export.bids_sources import LinkedDataSet
    from carotid.export.studies import Study
    from carotid.measurements import MeasurementTable
    from carotid.storage.results.layout import OutputLayout

WANTED = (SEGMENTATION_TRANSFORM, MEASUREMENT_TRANSFORM)
VERSION = "1.11.1"
"""Of BIDS."""

SUFFIX = "measurements"
"""Of tables; it is ours."""

_SOURCE = "carotid_ids"
_COMMA = "%2C"
"""How a comma in an id is written, where commas stand between ids."""

_ANOTHER = "give a folder that is new, or that an earlier export has made"
_README = """# Lumen and wall of the carotid arteries

Made by carotid {version} from 3D black-blood MRI.

* `*_desc-carotid_dseg.nii.gz`: both sides in one map, on the grid of the scan. The values are named
  in the table beside it; the wall is without the lumen.
* `*_desc-carotid*_measurements.tsv`: measurements, with a data dictionary beside each table. BIDS
  has no name for such tables, so `.bidsignore` lists them.
* `participants.tsv` says what each participant was called in the results.
"""


def names_in(layout: OutputLayout, export_dir: Path) -> dict[str, BidsName]:
    """The names that all participants of an output directory have in a data set, or get there.

    Raises:
        UsageError: The list of participants that is there is not ours.
    """
    known = _read_participants(export_dir / "participants.tsv")
    return bids_names(
        {one for transform in WORDS for one in layout.participants(transform)},
        {subject.removeprefix("sub-"): ids for subject, ids in known.items()},
    )


def check_data_set(export_dir: Path) -> dict[str, str]:
    """Refuse a folder that holds a data set of somebody else's, before anything is written to it.

    Returns:
        The links to other data sets that the one there has.

    Raises:
        UsageError: It is somebody else's.
    """
    _read_participants(export_dir / "participants.tsv")
    return dict(_read_description(export_dir).get("DatasetLinks", {}))


def write_session(
    study: Study, export_dir: Path, name: BidsName, scan_uri: str | None = None
) -> list[Path]:
    """Write what there is of one participant's session.

    Args:
        study: The participant.
        export_dir: The data set.
        name: What the session is called there.
        scan_uri: BIDS URI of the scan, where that lies in a BIDS data set.

    Returns:
        The files.

    Raises:
        InputError: A result cannot be read.
        OutputError: A file cannot be written.
    """
    folder = name.folder(export_dir)
    written: list[Path] = []
    masks, tables = study.folder(SEGMENTATION_TRANSFORM), study.folder(MEASUREMENT_TRANSFORM)
    if masks is not None:
        stem = folder / f"{name.stem}_desc-carotid_dseg"
        written += write_labels(load_segmentation(masks), stem)
        corrected = study.layout.is_corrected(study.participant_id, CONTOUR_TRANSFORM)
        facts = {
            "Description": "Lumen and wall of the carotid arteries: the voxels whose centers lie "
            "inside outlines that networks found"
            + (", some of which were corrected by hand" if corrected else ""),
            "Manual": corrected,
            "SpatialReference": scan_uri or "orig",
            **({"Sources": [scan_uri]} if scan_uri else {}),
        }
        written.append(_write_json(stem.with_name(f"{stem.name}.json"), facts))
    if tables is not None:
        layout = MeasurementLayout(tables)
        sources = {"arteries": layout.arteries, "plaques": layout.plaques}
        for side in SIDE_NAMES:
            sources |= {f"{side}slices": layout.slices(side)}
            sources |= {f"{side}thickness": layout.thickness(side)}
        for word, source in sources.items():
            place = folder / f"{name.stem}_desc-carotid{word}_{SUFFIX}.tsv"
            written += _write_table(place, load_table(source))
    tell_of_others(folder, written)
    return written


def write_data_set(
    export_dir: Path, done: Mapping[str, BidsName], raw: LinkedDataSet | None = None
) -> list[Path]:
    """Write what describes the whole data set.

    Args:
        export_dir: The data set; participants that are listed there already stay so.
        done: The names of those that were exported, by id.
        raw: The data set of their scans, where these lie in one.

    Returns:
        The files.

    Raises:
        UsageError: The list of participants that is there is not ours.
        OutputError: A file cannot be written.
    """
    description = _read_description(export_dir)
    description = {"Name": "Lumen and wall of the carotid arteries"} | description
    description |= {
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "carotid", "Version": __version__}],
    }
    if raw is not None:
        description["DatasetLinks"] = {
            **description.get("DatasetLinks", {}),
            raw.name: raw.location,
        }
        sources = description.setdefault("SourceDatasets", [])
        if raw.location not in [one.get("URL") for one in sources]:
            sources.append({"URL": raw.location})
    table = export_dir / "participants.tsv"
    known = _read_participants(table)
    for one, name in done.items():
        own = known.setdefault(f"sub-{name.subject}", [])
        if one not in own:
            own.append(one)
    rows = [["participant_id", _SOURCE]]
    rows += [
        [key, ",".join(one.replace(",", _COMMA) for one in sorted(known[key]))]
        for key in sorted(known)
    ]
    columns = {
        "participant_id": {"Description": "The participant in this data set"},
        _SOURCE: {
            "Description": "What it is called in carotid's results: a name per session, with "
            f"{_COMMA} for a comma in a name"
        },
    }
    texts = {
        "README.md": _README.format(version=__version__),
        ".bidsignore": f"*_{SUFFIX}.tsv\n*_{SUFFIX}.json\n",
        "participants.tsv": "".join("\t".join(row) + "\n" for row in rows),
    }
    written = [
        _write_json(export_dir / DESCRIPTION, description),
        _write_json(table.with_suffix(".json"), columns),
    ]
    for name_of_file, text in texts.items():
        with whole_file(export_dir / name_of_file) as file:
            file.write(text.encode())
        written.append(export_dir / name_of_file)
    return written


def _read_description(export_dir: Path) -> dict[str, Any]:
    """What an earlier export and its users say of the data set; empty where there is none."""
    place = export_dir / DESCRIPTION
    if not place.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(place.read_bytes())
        ours = "carotid" in [one["Name"] for one in content["GeneratedBy"]]
        ours &= isinstance(content.get("DatasetLinks", {}), dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        ours = False
    if not ours:
        raise UsageError("the folder holds another data set", where=place, remedy=_ANOTHER)
    return content


def _read_participants(path: Path) -> dict[str, list[str]]:
    """The ids of each participant that an earlier export has listed."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows: Sequence[dict[str, Any]] = list(reader)
        return {
            row["participant_id"]: [
                one.replace(_COMMA, ",") for one in row[_SOURCE].split(",") if one
            ]
            for row in rows
        }
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise UsageError(
            "the folder holds another data set: its list of participants is not ours",
            where=path,
            remedy=_ANOTHER,
        ) from error


def _write_table(path: Path, table: MeasurementTable) -> list[Path]:
    """A table with its dictionary; what is missing is `n/a`, as BIDS wants it."""
    rows = [line.split("\t") for line in table_text(table).splitlines()]
    text = "".join("\t".join(cell or "n/a" for cell in row) + "\n" for row in rows)
    dictionary = path.with_suffix(".json")
    for place, content in ((path, text), (dictionary, dictionary_text(table.columns))):
        with whole_file(place) as file:
            file.write(content.encode())
    return [path, dictionary]


def _write_json(path: Path, content: object) -> Path:
    with whole_file(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return path
