"""What a reader must be told, wherever it is shown, and of which data it holds."""

from collections.abc import Mapping
from typing import Any

NO_PATIENT = "A model that never saw a patient: it was trained on phantoms only."
NOT_CLINICAL = "Research software, not for clinical use."
CREDENTIALED = "Made from credentialed data: its use agreement covers this page. Do not share it."


def is_phantom(data: str) -> bool:
    """Whether a data set of this name holds phantoms; theirs are called ``phantom-...``."""
    return data.startswith("phantom")


def trained_on_patients(info: Mapping[str, Any]) -> bool:
    """Whether any data set in ``trained_on`` holds patients."""
    return any(not is_phantom(name) for name in str(info.get("trained_on", "unknown")).split(", "))
