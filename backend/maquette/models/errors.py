"""What can stand between a user and a model's weights, one stable code each."""

from __future__ import annotations

from maquette.errors import BadInputError, MaquetteError, NotFoundError, UnavailableError, WrongStateError


class UnknownModelError(NotFoundError):
    """The registry has no model of this name."""

    code = "unknown_model"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no model '{name}'.", suggestion=f"Known: {', '.join(known)}.", model=name)


class ModelLicenceRefusedError(BadInputError):
    """The weights may not be used commercially, and nobody said that this use is none."""

    code = "model_licence_refused"

    def __init__(self, name: str, licence: str) -> None:
        super().__init__(
            f"The weights of '{name}' are for non-commercial use only ({licence}).",
            suggestion="If your use is non-commercial, set MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS=true.",
            model=name,
            licence=licence,
        )


class SourceUnreachableError(UnavailableError):
    """The server that holds the weights does not answer."""

    code = "model_source_unreachable"

    def __init__(self, name: str, server: str, reason: str) -> None:
        super().__init__(
            f"The weights of '{name}' cannot be fetched: {server} does not answer ({reason}).",
            suggestion="Check the network and call it again: it goes on where it stopped. On a machine without"
            " network put the model's folder into the models folder (docs/models.md).",
            model=name,
            server=server,
        )


class SourceRefusesError(UnavailableError):
    """The server answers, but does not give the weights."""

    code = "model_source_refuses"

    def __init__(self, name: str, server: str, reason: str) -> None:
        super().__init__(
            f"{server} does not give the weights of '{name}': {reason}.",
            suggestion="If they are gated, accept their terms on their page and set HF_TOKEN; else report this.",
            model=name,
            server=server,
        )


class ChecksumError(MaquetteError):
    """What came is not what was announced."""

    code = "model_checksum_mismatch"

    def __init__(self, name: str, path: str, found: str, expected: str) -> None:
        super().__init__(
            f"The file '{path}' of '{name}' is not the one that was announced: {found} instead of {expected}.",
            suggestion="It was thrown away. Pull the model again; if this repeats, do not use that source.",
            model=name,
            file=path,
        )


class FolderInTheWayError(WrongStateError):
    """A folder that a user put there is never replaced."""

    code = "model_folder_in_the_way"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a folder '{name}' in the models folder that was not pulled.",
            suggestion="It is used as it is. To pull the model, move that folder away first.",
            model=name,
        )


class PullRunningError(WrongStateError):
    """Another process is fetching this model."""

    code = "model_pull_running"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another process is pulling '{name}'.", suggestion="Wait until it is done, or stop it.", model=name
        )


class NotEnoughDiskError(UnavailableError):
    """The weights do not fit on the disk."""

    code = "not_enough_disk"

    def __init__(self, name: str, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"'{name}' needs {needed_bytes / 1e9:.1f} GB more; {free_bytes / 1e9:.1f} GB are free for models.",
            suggestion="Free some space, or set MAQUETTE_MODELS_DIR to a folder on a larger disk.",
            needed_bytes=needed_bytes,
            available_bytes=free_bytes,
        )


class BadManifestError(MaquetteError):
    """The list of a model's files cannot be read."""

    code = "model_manifest_broken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The list of files of the model '{name}' cannot be read.",
            suggestion="Delete the model's folder and pull it again.",
            model=name,
        )
