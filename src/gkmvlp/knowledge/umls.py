"""A graph from the user's own licensed copy of the UMLS Metathesaurus; nothing that is read here may be passed on.

Rich Release Format, UMLS Reference Manual, chapter 3: no header, ``|`` behind every cell. A row of MRREL says that its
second concept (CUI2) has the relation RELA to its first (CUI1), so CUI2 is the head. The files have millions of rows:
they are read row by row, MRREL first, and of MRCONSO only the names of concepts with a triple are kept.
"""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple

MRREL = ("CUI1", "AUI1", "STYPE1", "REL", "CUI2", "AUI2", "STYPE2", "RELA", "RUI", "SRUI", "SAB", "SL", "RG", "DIR",
         "SUPPRESS", "CVF")  # fmt: skip
MRCONSO = ("CUI", "LAT", "TS", "LUI", "STT", "SUI", "ISPREF", "AUI", "SAUI", "SCUI", "SDUI", "SAB", "TTY", "CODE",
           "STR", "SRL", "SUPPRESS", "CVF")  # fmt: skip
MRSTY = ("CUI", "TUI", "STN", "STY", "ATUI", "CVF")
COLUMNS = {"MRREL.RRF": MRREL, "MRCONSO.RRF": MRCONSO, "MRSTY.RRF": MRSTY}
SOURCES = ("SNOMEDCT_US",)
RELATIONS = ("RO",)  # "has a relationship other than synonymous, narrower or broader"
_GET = "name the folder META of a full UMLS release (uts.nlm.nih.gov, your own licence)"


def read_umls(
    folder: Path,
    version: str,
    only: Collection[str] | None = None,
    sources: Collection[str] = SOURCES,
    relations: Collection[str] = RELATIONS,
) -> KnowledgeGraph:
    """The triples of some vocabularies with the English names of their concepts.

    Args:
        folder: Holds MRREL.RRF and MRCONSO.RRF, and MRSTY.RRF for semantic types where it is there.
        version: Release, such as 2024AA.
        only: CUIs that both ends of a triple must be among; None for all.
        sources: Vocabularies (SAB) whose triples are read.
        relations: Values of REL.

    Raises:
        DataError: If a file is missing, empty or of another release's columns, most concepts have no name, or no
            triple is left.
    """
    triples = tuple(_triples(folder, only, set(sources), set(relations)))
    if not triples:
        wanted = f"of {', '.join(sorted(sources))} with REL {', '.join(sorted(relations))}"
        among = "" if only is None else f" among the {len(only)} concepts asked for"
        raise DataError(f"{folder / 'MRREL.RRF'} has no triple {wanted}{among}: name other vocabularies or concepts")
    ids = {end for triple in triples for end in (triple.head, triple.tail)}
    names, synonyms = _names(folder, ids)
    kinds = _kinds(folder, ids)
    nameless = ids - set(names)
    if 2 * len(nameless) > len(ids):
        few = f"MRCONSO.RRF has an English name for {len(names)} of the {len(ids)} concepts of MRREL.RRF"
        raise DataError(f"{folder}: {few}: are both files of one release? {_GET}")
    if nameless:
        print(f"note: {len(nameless)} of {len(ids)} concepts have no English name and are left out", file=sys.stderr)
    kept = tuple(triple for triple in triples if triple.head not in nameless and triple.tail not in nameless)
    concepts = tuple(
        Concept(cui, names[cui], tuple(word for word in synonyms[cui] if word != names[cui]), kinds.get(cui, ""))
        for cui in sorted({end for triple in kept for end in (triple.head, triple.tail)})
    )
    return KnowledgeGraph(concepts, kept, "umls", version)


def release(folder: Path) -> str:
    """The release that release.dat of the folder names; "" where there is none."""
    path = folder / "release.dat"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    named = [line.partition("=")[2].strip() for line in lines if line.startswith("umls.release.name")]
    return named[0] if named else ""


def _triples(
    folder: Path, only: Collection[str] | None, sources: Collection[str], relations: Collection[str]
) -> Iterator[Triple]:
    """Triples of MRREL without repetitions, hidden rows, and rows that stand against their source's direction."""
    seen: set[tuple[str, ...]] = set()
    for row in _rows(folder / "MRREL.RRF"):
        head, tail, relation = row["CUI2"], row["CUI1"], row["RELA"] or row["REL"]
        if row["SAB"] not in sources or row["REL"] not in relations or row["SUPPRESS"] not in ("", "N"):
            continue
        if row["DIR"] == "N" or head == tail or (only is not None and not (head in only and tail in only)):
            continue
        if (head, relation, tail) not in seen:
            seen.add((head, relation, tail))
            yield Triple(head, relation, tail, f"UMLS {row['SAB']}")


def _names(folder: Path, ids: Collection[str]) -> tuple[dict[str, str], dict[str, dict[str, None]]]:
    """Preferred English name of each concept, and all its English wordings that are not hidden."""
    names: dict[str, str] = {}
    synonyms: dict[str, dict[str, None]] = {}
    preferred: set[str] = set()
    for row in _rows(folder / "MRCONSO.RRF"):
        cui = row["CUI"]
        if cui not in ids or row["LAT"] != "ENG" or row["SUPPRESS"] not in ("", "N"):
            continue
        synonyms.setdefault(cui, {})[row["STR"]] = None
        is_preferred = (row["TS"], row["STT"], row["ISPREF"]) == ("P", "PF", "Y")
        if cui not in names or (is_preferred and cui not in preferred):
            names[cui] = row["STR"]
            preferred |= {cui} if is_preferred else set()
    return names, synonyms


def _kinds(folder: Path, ids: Collection[str]) -> dict[str, str]:
    """First semantic type of each concept; none where there is no MRSTY."""
    kinds: dict[str, str] = {}
    for row in _rows(folder / "MRSTY.RRF") if (folder / "MRSTY.RRF").is_file() else ():
        if row["CUI"] in ids:
            kinds.setdefault(row["CUI"], row["STY"])
    return kinds


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a file by column name, one after another.

    Raises:
        DataError: If the file is missing or empty, or a row has another number of cells than this format's.
    """
    columns = COLUMNS[path.name]
    number = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                cells = line.rstrip("\r\n").split("|")
                if len(cells) != len(columns) + 1 or cells[-1]:
                    expected = f"{len(columns)} cells ({columns[0]} to {columns[-1]}), each with | behind it"
                    raise DataError(f"{path}, line {number}: {expected} were expected, got {len(cells) - 1}; {_GET}")
                yield dict(zip(columns, cells, strict=False))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} ({error}): {_GET}") from error
    if not number:
        raise DataError(f"{path} is empty: {_GET}")
