"""What a stage of the pipeline is, and what a run needs to take participants through one.

`carotid.stages.catalog` lists the stages. A stage names code instead of importing it, so that
`carotid --help` knows all commands and loads none of what they need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from carotid.provenance import REMARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from carotid.config import Parameters
    from carotid.provenance import Input
    from carotid.storage.raw import RawScan
    from carotid.storage.rescaling import Rescaling
    from carotid.storage.results.layout import OutputLayout

SCAN = "scan"
"""The need that is no earlier stage: the participant's scan in RAW_DIR."""

Loaded = TypeVar("Loaded")
AnyParameters = TypeVar("AnyParameters", bound="Parameters")


@dataclass(frozen=True)
class SettingOption:
    """A parameter of a stage that one may give as an option, without a configuration.

    Attributes:
        name: Of the parameter and of the option.
        help: As the command's help shows it.
        metavar: What stands for its value there; None shows the choices.
        choices: What it may be; anything where there are none.
    """

    name: str
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes:
        name: "contour": its results are in `<id>/contour_transform`, its settings in the section
            `[contour_transform]`, its object in `parameters.json` has that name too.
        needs: "scan" or names of earlier stages; the last one tells who the participants are.
        arguments: Positional arguments of its command, in capitals.
        parameters: "module:class" of its section.
        models: "module:name" of its kind of networks; None where it has none. Networks bring the
            argument <NAME>_MODEL_DIR and the options --device and --threads.
        load: "module:function" that reads its result from a folder.
        task: "module:function" that makes its `Task` of a `Setting`.
        summary: What it does, in one line.
        about: What its command takes and gives, as paragraphs for --help.
        transient: Whether a later stage may make its result on the way, without its being written:
            it is large on disk and quickly made. Its task is then one of `one_piece`.
        closing: "module:function" that, given the output directory's layout, writes what a run
            leaves for all participants together; None where that is nothing.
        wishes: "module:function" that tells, for a model directory, with which settings of its own
            or of earlier stages its networks are to be used; None where there are no such settings.
        looks: "module:function" that tells, for a model directory, whether its networks look at
            what a transient stage's result is made from; that result is then made on the way even
            where one lies on disk. None where no networks do.
        options: The parameters that commands have an option for.
    """

    name: str
    needs: tuple[str, ...]
    arguments: tuple[str, ...]
    parameters: str
    models: str | None
    load: str
    task: str
    summary: str
    about: str
    transient: bool = False
    closing: str | None = None
    wishes: str | None = None
    looks: str | None = None
    options: tuple[SettingOption, ...] = ()

    @property
    def transform(self) -> str:
        """The name of its folder, of its section and of its object in `parameters.json`."""
        return f"{self.name}_transform"

    @property
    def earlier(self) -> tuple[str, ...]:
        """The earlier stages that it needs."""
        return tuple(need for need in self.needs if need != SCAN)

    def parameters_class(self) -> type[Parameters]:
        """What its section is checked with."""
        found: type[Parameters] = named(self.parameters)
        return found

    def wishes_of(self, model_dir: Path) -> dict[str, dict[str, Any]]:
        """Settings, by stage, that a directory of networks is to be used with."""
        found: dict[str, dict[str, Any]] = {}
        if self.wishes is not None:
            found = named(self.wishes)(model_dir)
        return found

    def looks_behind(self, model_dir: Path | None) -> bool:
        """Whether the networks of a directory look at what transient results are made from."""
        if self.looks is None or model_dir is None:
            return False
        return bool(named(self.looks)(model_dir))

    def model_kind(self) -> Any:
        """What its weight files may hold, a `ModelKind`; None where it has no networks."""
        return None if self.models is None else named(self.models)

    def load_result(self, folder: Path) -> Any:
        """Read a result of this stage from its folder."""
        return named(self.load)(folder)

    def make_task(self, setting: Setting[Any]) -> Task[Any]:
        """What takes participants through this stage."""
        made: Task[Any] = named(self.task)(setting)
        return made

    def close(self, layout: OutputLayout) -> None:
        """Write what this stage leaves for all participants together, if it is not as it was."""
        if self.closing is not None:
            named(self.closing)(layout)


class Forecast(Protocol):
    """What a participant will take of main memory."""

    @property
    def total_bytes(self) -> int:
        """At its peak."""

    @property
    def largest(self) -> tuple[str, int]:
        """What takes most of it, in words, and how many bytes."""

    @property
    def remedy(self) -> str:
        """What one can do about that."""


@dataclass(frozen=True, eq=False)
class Brought:
    """What one participant brings.

    Attributes:
        values: The inputs, in the order of the stage's needs.
        sources: What they are, by need.
    """

    values: list[Any]
    sources: Mapping[str, Input]


class Brings(Protocol):
    """What the participants of a run bring, as tasks see it; `carotid.stages.inputs` has it."""

    @property
    def rescaling(self) -> Rescaling:
        """What `RAW_DIR/parameters.json` says."""

    @property
    def on_the_way(self) -> Mapping[str, Any]:
        """Needs that are made as they are asked for."""

    def participants(self) -> list[str]:
        """Who brings the last need, sorted."""

    def scan(self, participant_id: str) -> RawScan:
        """Where a participant's scan is."""

    def folder(self, need: str, participant_id: str) -> Path:
        """Where a participant's result of an earlier stage is."""

    def read(self, participant_id: str) -> Brought:
        """Read what a participant brings."""


@dataclass(frozen=True)
class Setting(Generic[AnyParameters]):
    """What a run gives to the task of a stage.

    Attributes:
        parameters: The stage's settings.
        inputs: Finds and reads what participants bring.
        model_dir: Where the weights are, for a stage with networks.
        device: The device that was asked for; None takes what there is.
        cores: How many may be used.
        check_memory: Raises a ResourceError where what is foreseen for a place is not there.
    """

    parameters: AnyParameters
    inputs: Brings
    model_dir: Path | None = None
    device: str | None = None
    cores: int = 1
    check_memory: Callable[[str | Path, Forecast], None] = lambda *_: None


@dataclass(frozen=True)
class Prepared:
    """What is known once a task is prepared.

    Attributes:
        models: SHA-256 of every member by name, in the order of the members.
        device: Where it computes, in words; None where there is no choice.
        beside_gpu: Whether a GPU computes, so that scans are loaded beside what is written.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    beside_gpu: bool = False


@dataclass(frozen=True)
class Made:
    """What the record of one participant's result says beside what holds for the whole run.

    Attributes:
        inputs: What it was made from, by need.
        context: What is good to know, as JSON.
        remarks: What people should know of this participant, in words, for the closing table.
    """

    inputs: Mapping[str, Input]
    context: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    def as_context(self) -> dict[str, Any]:
        """What a record says beside what is decisive; remarks too, for a run that goes on later."""
        return {**self.context, **({REMARKS: list(self.remarks)} if self.remarks else {})}


class Task(Protocol[Loaded]):
    """A stage at work, as the cohort sees it."""

    def prepare(self) -> Prepared:
        """Read and check what all participants share; called once, before anything is written."""

    def get_ready(self) -> None:
        """Make what is needed to compute; called once, while the first participant is loaded."""

    def load(self, participant_id: str) -> Loaded:
        """Read what a participant brings; called in a thread."""

    def steps(self, loaded: Loaded) -> int:
        """How many times `advance` will be called."""

    def compute(
        self, loaded: Loaded, folder: Path, advance: Callable[[], None]
    ) -> Generator[Callable[[], None], None, Made]:
        """Compute, and give out what is left to be written as calls made in a thread, in order.

        Args:
            loaded: What `load` gave.
            folder: Where the result is put together.
            advance: To be called after each step.

        Returns:
            What the record says of this participant.
        """


class Networks(Protocol):
    """The networks of a stage whose result is made in one piece."""

    def prepare(self) -> Prepared:
        """Choose a device, read and check the weights; see `Task.prepare`."""

    def get_ready(self) -> None:
        """Build the networks; see `Task.get_ready`."""


def named(place: str) -> Any:
    """The object that "module:name" stands for."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
