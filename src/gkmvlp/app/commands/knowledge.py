"""Build a knowledge graph with its embeddings, measure what its structure lets guess, link captions, explain a term.

Sources: radiology (open, comes with the package), slake (--from: its folder KG), umls (--from: folder META of your own
licensed copy), tsv (--from: a table of triples). A build that was stopped goes on when the same command is given again.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_record_argument

SOURCES = ("radiology", "slake", "umls", "tsv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions; each takes ``--json``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="read a source, train TransE and save both")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    build.add_argument("--seed", type=int, default=0, metavar="S", help="of start and draws (0)")
    rank = actions.add_parser("rank", help="ranks of held-out triples, over seeds")
    rank.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    add_record_argument(rank)
    for action in (build, rank):
        _add_training_arguments(action)
    link = actions.add_parser("link", help="links of ROCO's captions from the concepts that it lists of its figures")
    link.add_argument("--from", dest="origin", type=Path, required=True, metavar="DIR", help="folder of ROCO")
    link.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the links are written, .jsonl")
    explain = actions.add_parser("explain", help="concept, synonyms and neighbours of a term")
    explain.add_argument("term", metavar="TERM", help="id, name or synonym")
    for action in (link, explain):
        action.add_argument(
            "--graph", type=Path, metavar="DIR", help="what build wrote (absent: the open radiology graph)"
        )
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def _add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """What is read, and how it is trained."""
    parser.add_argument("--source", choices=SOURCES, required=True, help="what is read")
    parser.add_argument("--from", dest="origin", type=Path, metavar="PATH", help="its folder or file")
    parser.add_argument(
        "--concepts", type=Path, metavar="FILE", help="of tsv: table of concepts (absent: from the triples)"
    )
    parser.add_argument(
        "--only", type=Path, nargs="+", metavar="FILE", help="ids to keep, as files of lines IMAGE<tab>ID<tab>ID..."
    )
    parser.add_argument("--version", metavar="TEXT", help="release to note (absent: as the source says)")
    parser.add_argument("--width", type=int, default=256, metavar="D", help="width of the embeddings (256)")
    parser.add_argument("--epochs", type=int, default=300, metavar="N", help="times that each triple is seen (300)")
    parser.add_argument(
        "--held-out", type=float, default=0.1, metavar="SHARE", help="triples kept aside for the figures (0.1)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it; what is printed is told by ``--json``."""
    import json

    from gkmvlp.app.actions.knowledge import ACTIONS

    content, text = ACTIONS[arguments.action](arguments)
    print(json.dumps(content, indent=1) if arguments.json else text)
    return 0
