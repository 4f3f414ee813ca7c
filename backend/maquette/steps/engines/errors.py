"""How an engine that is not ours can let us down; where a call allows it, ours stands in for any of these."""

from __future__ import annotations

from maquette.errors import MaquetteError


class EngineError(MaquetteError):
    """An engine did not do what it was asked for."""

    code = "engine_failed"


class EngineUnavailableError(EngineError):
    """This server is not set up for the engine."""

    code = "engine_unavailable"
    status = 422


class EngineNotApplicableError(EngineError):
    """The engine does not do this step, or not with what the project holds."""

    code = "engine_not_applicable"
    status = 422


class EngineInputRefusedError(EngineError):
    """The engine says that it cannot use what it was given."""

    code = "engine_refused_input"
    status = 422


class EngineTimedOutError(EngineError):
    """It was at work for longer than it may."""

    code = "engine_timed_out"


class EngineHungError(EngineError):
    """It said and did nothing for too long."""

    code = "engine_hung"


class EngineOutOfMemoryError(EngineError):
    """It took more memory than it may."""

    code = "engine_out_of_memory"
    status = 503


class EngineOutputRefusedError(EngineError):
    """What it made is missing, or is not what it says it is."""

    code = "engine_output_refused"

    def __init__(self, engine: str, why: str) -> None:
        super().__init__(
            f"What the engine '{engine}' made cannot be used: {why}.",
            suggestion="Mend the engine (docs/engines.md says what it must leave), or let Maquette's own do it"
            " (`engine_fallback` of generate and refine).",
            engine=engine,
        )
