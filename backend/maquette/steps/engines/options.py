"""What cannot be asked of an engine, refused in words. Light, because the API asks before any step runs."""

from __future__ import annotations

from maquette.errors import BadInputError
from maquette.steps.engines import engine_named
from maquette.steps.engines.errors import EngineNotApplicableError
from maquette.steps.parameters import ExportParameters, GenerateParameters

OF_COMPRESSORS = {"format", "version", "filter_floaters"}


class NoOptionOfEnginesError(BadInputError):
    """An engine compresses a version as it is."""

    code = "no_option_of_format"


def check_rig(wanted: GenerateParameters) -> None:
    """Six views with depth are what no other engine understands. Raises ``engine_not_applicable``."""
    engine = engine_named(wanted.engine)
    if engine is not None and engine.makes == "model":
        raise EngineNotApplicableError(
            f"The engine '{wanted.engine}' makes models of photos, and this project has six views with depth.",
            suggestion="Leave `engine` out.",
            engine=wanted.engine,
        )


def check_compressed(wanted: ExportParameters) -> None:
    """Raise ``no_option_of_format`` for what only our own formats can do."""
    untouched = ExportParameters()
    given = [
        name
        for name in ExportParameters.model_fields
        if name not in OF_COMPRESSORS and getattr(wanted, name) != getattr(untouched, name)
    ]
    if given:
        raise NoOptionOfEnginesError(
            f"'{wanted.format}' has no option {' or '.join(given)}.",
            suggestion="Leave it out: an engine compresses the version as it is.",
            options=given,
        )
