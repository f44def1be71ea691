"""The systems of the zoo: by what name a backbone's ``config.json`` knows each, its architecture, and how it is made.

N entities of a graph, C width of their embeddings.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gkmvlp.entities import entity
from gkmvlp.errors import BackboneError, ConfigError
from gkmvlp.knowledge.chosen_linker import DICTIONARY, chosen_linker
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.joined_graph import NO_ROW, Joined, joined
from gkmvlp.knowledge.storage import graph_text, read_graph
from gkmvlp.models.arl import Arl
from gkmvlp.models.config import Architecture, ArlArchitecture, BaseArchitecture
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.linked_text import LinkedTokens, link_tokens
from gkmvlp.models.tokenizer import Tokens, tokenize

PROMPT_TOKENS = 32
GRAPH = "graph.json"  # of a backbone's folder: the graph of the user that it was trained with
TextReader = Callable[[list[str]], Any]  # texts to what the model's ``begin`` takes


def _nothing(_: Any) -> Mapping[str, bytes]:
    return {}


def _as_it_is(architecture: Any, _: str) -> Any:
    return architecture


class System(NamedTuple):
    """One system."""

    architecture: type[BaseArchitecture]
    build: Callable[[Any, PreTrainedTokenizerFast], Any]  # architecture and tokenizer to a fresh model
    reader: Callable[[Any, PreTrainedTokenizerFast], TextReader]  # architecture and tokenizer to what reads texts
    files: Callable[[Any], Mapping[str, bytes]] = _nothing  # what a backbone's folder holds of the system's own
    in_folder: Callable[[Any, str], Any] = _as_it_is  # architecture that reads these files from a folder; "" is its own


def _gk_mvlp(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> GkMvlp:
    prompts = [entity(name).prompt for name in architecture.knowledge.entities]
    return GkMvlp(architecture, len(tokenizer), tokenize(tokenizer, prompts, PROMPT_TOKENS))


def _plain_reader(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> TextReader:
    def read(texts: list[str]) -> Tokens:
        return tokenize(tokenizer, texts, architecture.text.max_length)

    return read


def _arl(architecture: ArlArchitecture, tokenizer: PreTrainedTokenizerFast) -> Arl:
    (graph, *_), known_NC = _graph_of(architecture)
    table_NC = fresh_table(len(graph.concepts), architecture.projection_dim)
    is_known_N = known_NC.isfinite().all(1)
    table_NC[is_known_N] = known_NC[is_known_N]
    return Arl(architecture, len(tokenizer), table_NC, graph.edge_index_2M)


def _graph_of(architecture: ArlArchitecture) -> tuple[Joined, Tensor]:
    """The graph, findings first, then regions, and what TransE learned of its concepts, (N, C); NaN of others.

    Raises:
        ConfigError: If embeddings have another width than entities, or a graph of the user is to be shuffled.
        DataError: If the graph cannot be read.
    """
    knowledge, width = architecture.knowledge, architecture.projection_dim
    own = entity_graph(knowledge.entities, knowledge.triples == "shuffled")
    if knowledge.graph is None:
        return Joined(own, (NO_ROW,) * len(own.concepts), {}), torch.full((len(own.concepts), width), torch.nan)
    if knowledge.triples == "shuffled":
        raise ConfigError("knowledge.triples: shuffled is of the package's own graph: leave knowledge.graph null")
    other = read_graph(Path(knowledge.graph))
    both = joined(own, other)
    learned_ND = other.table_ND
    if learned_ND is None:
        return both, torch.full((len(both.rows), width), torch.nan)
    if learned_ND.shape[1] != width:
        wide = f"{knowledge.graph} has embeddings of width {learned_ND.shape[1]}, projection_dim is {width}"
        raise ConfigError(f"{wide}: build it with --width {width}, or set projection_dim")
    row_N = torch.tensor(both.rows)
    return both, torch.where((row_N < 0)[:, None], torch.nan, learned_ND[row_N])


def _graph_file(architecture: ArlArchitecture) -> Mapping[str, bytes]:
    graph = architecture.knowledge.graph
    return {} if graph is None else {GRAPH: graph_text(read_graph(Path(graph))).encode()}


def _graph_in(architecture: ArlArchitecture, folder: str) -> ArlArchitecture:
    if architecture.knowledge.graph is None:
        return architecture
    return replace(architecture, knowledge=replace(architecture.knowledge, graph=str(Path(folder, GRAPH))))


def fresh_table(entities: int, width: int) -> Tensor:
    """Embeddings (N, C) of a graph that was not trained; the graph's encoder brings them to one scale."""
    return torch.randn(entities, width)


def linking_reader(
    architecture: ArlArchitecture, tokenizer: PreTrainedTokenizerFast, choice: str = DICTIONARY
) -> TextReader:
    """What reads texts with the entities that they name.

    Args:
        architecture: Names the graph, and how many entities of a text are read.
        tokenizer: The tokenizer.
        choice: The linker, see ``chosen_linker``.
    """
    (graph, _, place), _ = _graph_of(architecture)
    linker = chosen_linker(choice, graph, place)
    most = architecture.knowledge.max_entities
    told: set[int] = set()

    def read(texts: list[str]) -> LinkedTokens:
        mentions = [linker(text) for text in texts]
        longest = max(map(len, mentions), default=0)
        if longest > most and not told:  # once: most corpora have such texts in every batch
            told.add(longest)
            note = f"note: a text names {longest} entities, of such the first {most} are read"
            print(f"{note}; knowledge.max_entities is the bound", file=sys.stderr, flush=True)
        return link_tokens(tokenizer, texts, mentions, graph.index, architecture.text.max_length, most)

    return read


SYSTEMS = {
    "gk_mvlp": System(Architecture, _gk_mvlp, _plain_reader),
    "arl": System(ArlArchitecture, _arl, linking_reader, _graph_file, _graph_in),
}


def system_name(architecture: BaseArchitecture) -> str:
    """The name of the system that an architecture is of."""
    return next(name for name, system in SYSTEMS.items() if type(architecture) is system.architecture)


def systems_of(kind: type[BaseArchitecture]) -> list[str]:
    """Names of the systems whose architecture is of a class."""
    return [name for name, system in SYSTEMS.items() if issubclass(system.architecture, kind)]


def system_of(architecture: BaseArchitecture) -> System:
    """The system that an architecture is of."""
    return SYSTEMS[system_name(architecture)]


def named_system(name: str) -> System:
    """The system of a name.

    Raises:
        BackboneError: If there is none.
    """
    if name not in SYSTEMS:
        raise BackboneError(f"system {name!r} is not known here (one of {', '.join(SYSTEMS)}); update gkmvlp")
    return SYSTEMS[name]
