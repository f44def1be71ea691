"""The systems of the zoo: by what name a backbone's ``config.json`` knows each, its architecture, and how it is made.

N entities of a graph, C width of their embeddings.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gkmvlp.entities import entity
from gkmvlp.errors import BackboneError
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.entity_linker import default_linker
from gkmvlp.models.arl import Arl
from gkmvlp.models.config import Architecture, ArlArchitecture, BaseArchitecture
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.linked_text import LinkedTokens, link_tokens
from gkmvlp.models.tokenizer import Tokens, tokenize

PROMPT_TOKENS = 32
TextReader = Callable[[list[str]], Any]  # texts to what the model's ``begin`` takes


class System(NamedTuple):
    """One system."""

    architecture: type[BaseArchitecture]
    build: Callable[[Any, PreTrainedTokenizerFast], Any]  # architecture and tokenizer to a fresh model
    reader: Callable[[Any, PreTrainedTokenizerFast], TextReader]  # architecture and tokenizer to what reads texts


def _gk_mvlp(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> GkMvlp:
    prompts = [entity(name).prompt for name in architecture.knowledge.entities]
    return GkMvlp(architecture, len(tokenizer), tokenize(tokenizer, prompts, PROMPT_TOKENS))


def _plain_reader(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> TextReader:
    def read(texts: list[str]) -> Tokens:
        return tokenize(tokenizer, texts, architecture.text.max_length)

    return read


def _arl(architecture: ArlArchitecture, tokenizer: PreTrainedTokenizerFast) -> Arl:
    graph = entity_graph(architecture.knowledge.entities, architecture.knowledge.triples == "shuffled")
    table_NC = fresh_table(len(graph.concepts), architecture.projection_dim)
    return Arl(architecture, len(tokenizer), table_NC, graph.edge_index_2M)


def fresh_table(entities: int, width: int) -> Tensor:
    """Embeddings (N, C) of a graph that was not trained; the graph's encoder brings them to one scale."""
    return torch.randn(entities, width)


def _linking_reader(architecture: ArlArchitecture, tokenizer: PreTrainedTokenizerFast) -> TextReader:
    graph = entity_graph(architecture.knowledge.entities)
    linker = default_linker(graph)

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
    "arl": System(ArlArchitecture, _arl, _linking_reader),
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
