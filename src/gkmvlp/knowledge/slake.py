"""The English knowledge graph of SLAKE 1.0 (Liu et al., ISBI 2021; CC BY 4.0), read where it lies.

Three files with ``#`` between head, attribute and value; their name begins with ``en_``. A value that lists things is
split at its commas. Attributes whose values are sentences or measures are left out: nothing else is linked to them.
"""

from pathlib import Path

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple, unique

FILES = {
    "en_disease.csv": "disease",
    "en_organ.csv": "organ",
    "en_organ_rel.csv": "organ",
}  # file: head's column and kind
# attribute: kind of what its values name
RELATIONS = {
    "location": "organ",
    "belong to": "organ",
    "component": "organ",
    "symptom": "symptom",
    "cause": "cause",
    "treatment": "treatment",
    "prevention": "prevention",
    "infectivity": "infectivity",
    "susceptible population": "population",
}
ALIAS = "alias"
_GET = "get SLAKE 1.0 from huggingface.co/datasets/BoKelvin/SLAKE and name its folder KG"


def read_slake(folder: Path, version: str = "1.0") -> KnowledgeGraph:
    """The graph; ids are names in lower case.

    Args:
        folder: ``KG`` of the data set, or the folder that holds it.
        version: Release of the data set.

    Raises:
        DataError: If a file is missing or empty, or a row has other than three parts.
    """
    folder = folder / "KG" if (folder / "KG").is_dir() else folder
    triples: list[Triple] = []
    kinds: dict[str, str] = {}
    mentioned: dict[str, str] = {}
    aliases: dict[str, list[str]] = {}
    for name, kind in FILES.items():
        for head, attribute, value in _rows(folder / name, kind):
            if attribute == ALIAS:
                aliases.setdefault(head, []).extend(_listed(value))
            elif attribute in RELATIONS:
                kinds.setdefault(head, kind)
                for tail in _listed(value):
                    mentioned.setdefault(tail, RELATIONS[attribute])
                    triples.append(Triple(head, attribute, tail, f"SLAKE 1.0, {name}"))
    concepts = tuple(
        Concept(name, name, tuple(dict.fromkeys(alias for alias in aliases.get(name, ()) if alias != name)), kind)
        for name, kind in {**mentioned, **kinds}.items()
    )
    return KnowledgeGraph(concepts, unique(triples), "slake", version)


def _rows(path: Path, kind: str) -> list[tuple[str, str, str]]:
    """Head, attribute and value of each row.

    Raises:
        DataError: If the file is missing or empty, or a row has other than three parts.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} ({error}): {_GET}") from error
    header = f"{kind}#attribute#value"
    if not lines or lines[0].strip() != header:
        raise DataError(f"{path} does not begin with {header!r}: {_GET}")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        parts = [part.strip() for part in line.split("#")]
        if len(parts) != 3 or not all(parts):
            raise DataError(
                f"{path}, line {number}: three parts with # between them were expected, got {line!r}; {_GET}"
            )
        rows.append((parts[0].lower(), parts[1].lower(), parts[2]))
    return rows


def _listed(value: str) -> list[str]:
    """What a value lists, in lower case and without the point at its end."""
    parts = (" ".join(part.strip(" .;").lower().split()) for part in value.split(","))
    return [part for part in parts if part]
