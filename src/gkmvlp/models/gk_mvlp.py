"""GK-MVLP (Deng et al., arXiv 2404.14750): image encoder, grounded knowledge, and one BERT in three modes.

Nothing here but ``status_BE`` in the ``report`` mode of knowledge may depend on a report; that mode leaks and is an
option of the ablation. B batch, S side, R regions, E entities, P patches, T tokens, M memory tokens, D width.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.anatomy import REGIONS
from gkmvlp.models.config import Architecture
from gkmvlp.models.grounded_knowledge import GroundedKnowledge, GroundingOutput
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.priors import allowed_regions
from gkmvlp.models.regions import RegionPooler, coverage
from gkmvlp.models.text import FusionBert, TextStates, pool_states
from gkmvlp.models.tokenizer import Tokens
from gkmvlp.models.vision import ImageFeatures, VisionEncoder

# By trial: attention averages the codes of places down to a seventh of what tokens spread; text hardly heard them.
PLACE_GAIN = 3.0
PROGRAMS = 64  # that torch.compile may make of one function before it gives up; its own limit is 8


class ImageMemory(NamedTuple):
    """An image as the text modes read it."""

    features: ImageFeatures
    grounded: GroundingOutput
    coverage: Tensor  # (B, R, P) share of each patch inside each region's box
    memory: Memory  # (B, M, D) patches, averaged to the memory's grid, then knowledge


class GkMvlp(nn.Module):
    """The backbone.

    Args:
        architecture: What to build.
        vocabulary: Length of the tokenizer.
        prompts: The knowledge prompts as E rows of tokens, in the order of ``architecture.knowledge.entities``.
    """

    prompt_ET: Tensor
    prompt_mask_ET: Tensor
    prior_ER: Tensor
    fixed_prompt_ED: Tensor | None  # the prompts' vectors where they no longer follow the text encoder

    def __init__(self, architecture: Architecture, vocabulary: int, prompts: Tokens) -> None:
        super().__init__()
        config = architecture
        width = config.text.hidden_size
        self.architecture = architecture
        self.vision = VisionEncoder(config.vision, width, config.image_size)
        self.text = FusionBert(config.text, vocabulary)
        self.regions = RegionPooler(len(REGIONS), width, config.knowledge.region_pooling)
        self.knowledge = GroundedKnowledge(width, config.knowledge)
        self.kind = nn.Parameter(torch.randn(2, width) * 0.02)  # tells patches from knowledge in the memory's keys
        # how present an entity is, for the memory: attention, which sums to one, cannot say it
        self.verdict = nn.Linear(1, width)
        nn.init.normal_(self.verdict.weight)
        self.image_embedding = nn.Linear(width, config.projection_dim)
        self.text_embedding = nn.Linear(width, config.projection_dim)
        self.entity_head = nn.Linear(width, 2)
        self.match_head = nn.Linear(width, 2)
        leaks = config.knowledge.mode == "report"
        self.status = nn.Embedding(4, width) if leaks else None  # rows: status + 2
        self.register_buffer("prior_ER", allowed_regions(config.knowledge))
        self.register_buffer("prompt_ET", prompts.ids)
        self.register_buffer("prompt_mask_ET", prompts.mask)
        self.register_buffer("fixed_prompt_ED", None)

    def enable_gradient_checkpointing(self) -> None:
        """Computes the layers of both encoders anew for the gradient instead of keeping what they gave.

        A third more arithmetic for a fraction of the memory; values and gradients stay.
        """
        self.text.gradient_checkpointing = True
        self.vision.model.set_grad_checkpointing(True)

    def compile_layers(self, backend: str = "inductor") -> None:
        """Has ``torch.compile`` make one program of each text layer, for all lengths, and of each part of the encoder.

        Names of weights stay. What follows values, as where padding stands, stays outside.

        Args:
            backend: What makes the program: ``inductor`` needs a compiler of C++, or Triton on a GPU.
        """
        # layers share their code, and have a program for each mode, with and without memory, padding and gradient
        config = torch._dynamo.config
        config.recompile_limit = max(config.recompile_limit, PROGRAMS)
        for part in self.vision.model.children():
            part.compile(backend=backend, dynamic=False)  # inductor of torch 2.14 cannot order strides of unknown sizes
        for layer in self.text.layers:
            layer.compile(backend=backend, dynamic=True)

    def freeze_image_side(self) -> None:
        """Makes an image's memory a constant: language may go on learning, what it reads stays.

        The prompts' vectors are kept as they are now: through them the text encoder would move what the GK module sees.
        """
        with torch.no_grad():
            self.fixed_prompt_ED = self.encode_prompts()
        for part in (self.vision, self.regions, self.knowledge, self.verdict, self.entity_head, self.status):
            if part is not None:
                part.requires_grad_(False).eval()
        self.kind.requires_grad_(False)

    def region_prior(self) -> Tensor:
        """Which regions each prompt may read, (E, R) bool."""
        return self.prior_ER

    def encode_prompts(self) -> Tensor:
        """One vector a knowledge prompt, (E, D): once a step, not once an image."""
        if self.fixed_prompt_ED is not None:
            return self.fixed_prompt_ED
        return self.pool_text(Tokens(self.prompt_ET, self.prompt_mask_ET))

    def begin(self, text: Tokens | TextStates) -> TextStates:
        """Texts behind the layers that no image reaches; computed once, they serve ``pool_text`` and ``itm_logits``."""
        return text if isinstance(text, TextStates) else self.text.unimodal(*text)

    def pool_text(self, text: Tokens | TextStates) -> Tensor:
        """One vector a text, (B, D), without the image."""
        states = self.begin(text)
        if self.architecture.text.pooling == "first":
            return self.text.first_token(states)
        return pool_states(self.text.multimodal(states), states.mask, self.architecture.text.pooling)

    def encode_image(
        self,
        image_B1SS: Tensor,
        box_BR4: Tensor,
        mask_BR: Tensor,
        *,
        status_BE: Tensor | None = None,
        prompt_ED: Tensor | None = None,
    ) -> ImageMemory:
        """An image with its regions to memory.

        Args:
            image_B1SS: (B, 1, S, S) float32 in [0, 1].
            box_BR4: Region boxes (B, R, 4) xyxy as fractions of the frame.
            mask_BR: (B, R) bool, True where the region has a box.
            status_BE: Statuses (B, E) int8 from the report; read in the ``report`` mode of knowledge only.
            prompt_ED: Vectors that ``encode_prompts`` gave; None encodes the prompts here.
        """
        features = self.vision(image_B1SS)
        coverage_BRP = coverage(box_BR4.float(), features.grid)
        region_BRD = self.regions(features.patches, box_BR4, coverage_BRP, features.grid)
        prompt_ED = self.encode_prompts() if prompt_ED is None else prompt_ED
        prompt_BED = prompt_ED.expand(image_B1SS.shape[0], -1, -1)  # len() would fix B in an export
        if self.status is not None:
            unsaid_BE = torch.full(prompt_BED.shape[:2], -2, device=prompt_BED.device)
            prompt_BED = prompt_BED + self.status((unsaid_BE if status_BE is None else status_BE.long()) + 2)
        allowed_BER = self.prior_ER & mask_BR[:, None]
        grounded = self.knowledge(prompt_BED, region_BRD, allowed_BER, coverage_BRP, features.patches)
        return ImageMemory(features, grounded, coverage_BRP, self.memory(features, grounded, prompt_ED))

    def memory(self, features: ImageFeatures, grounded: GroundingOutput, prompt_ED: Tensor) -> Memory:
        """What the text modes read, (B, M, D): patches, averaged to ``memory_grid`` a side, then knowledge tokens.

        A knowledge token is found by the name of its entity, the same in every image: its prompt, less what all prompts
        share, which is most of them. It tells what the prompt saw, where (the code of the place it looks at), and how
        present the entity is.
        """
        patches_BPD, side = features.patches, self.architecture.memory_grid
        if side is not None:
            map_BDhw = patches_BPD.transpose(1, 2).unflatten(2, features.grid)
            patches_BPD = F.adaptive_avg_pool2d(map_BDhw, side).flatten(2).transpose(1, 2)
        if not self.knowledge.layers:
            return Memory(patches_BPD + self.kind[0], patches_BPD)
        name_ED = F.layer_norm(prompt_ED - prompt_ED.mean(0), prompt_ED.shape[1:])
        place_PD = self.vision.position_PD - self.vision.position_PD.mean(0)
        # what texts say must not move where a prompt looks: the position objective and ECLS teach that
        where_BED = PLACE_GAIN * grounded.patch_attention.detach() @ place_PD
        absent_BE, present_BE = self.entity_logits(grounded).unbind(-1)
        verdict_BE = ((present_BE - absent_BE) / 4).tanh()  # finer than a probability where entities are rare
        token_BED = grounded.tokens + where_BED + self.verdict(verdict_BE[..., None])
        name_BED = (name_ED + self.kind[1]).expand_as(token_BED)
        key_BMD = torch.cat([patches_BPD + self.kind[0], name_BED], dim=1)
        return Memory(key_BMD, torch.cat([patches_BPD, token_BED], dim=1))

    def entity_logits(self, grounded: GroundingOutput) -> Tensor:
        """Absent and present of each entity, (B, E, 2)."""
        logits_BE2 = self.entity_head(grounded.evidence)
        return torch.stack([logits_BE2[..., 0], logits_BE2[..., 1] + grounded.strength], dim=-1)

    def entity_probabilities(self, grounded: GroundingOutput) -> Tensor:
        """How likely each entity is present, (B, E) float32."""
        return self.entity_logits(grounded).float().softmax(-1)[..., 1]

    def entity_log_odds(self, image: ImageMemory) -> Tensor:
        """Log odds of present against absent, (B, E) float64."""
        logits_BE2 = self.entity_logits(image.grounded).double()
        return logits_BE2[..., 1] - logits_BE2[..., 0]

    def present(self, image: ImageMemory) -> Tensor:
        """How likely each entity is present, (B, E) float32."""
        return self.entity_probabilities(image.grounded)

    def embed_image(self, features: ImageFeatures) -> Tensor:
        """Unit vectors of the shared space, (B, embedding) float32."""
        return F.normalize(self.image_embedding(features.pooled).float(), dim=-1)

    def embed_text(self, text: Tokens | TextStates) -> Tensor:
        """Unit vectors of the shared space, (B, embedding) float32."""
        return F.normalize(self.text_embedding(self.pool_text(text)).float(), dim=-1)

    def fuse(self, text: Tokens | TextStates, memory: Memory | ProjectedMemory, row_B: Tensor | None = None) -> Tensor:
        """The text's states after reading the image, (B, T, D); text b is read with memory ``row_B[b]``."""
        return self.text.multimodal(self.begin(text), "fusion", memory, row_B=row_B)

    def fuse_first(
        self, text: Tokens | TextStates, memory: Memory | ProjectedMemory, row_B: Tensor | None = None
    ) -> Tensor:
        """The first of these states, (B, D): the last layer computes no other."""
        return self.text.first_token(self.begin(text), memory, row_B)

    def itm_logits(
        self, text: Tokens | TextStates, memory: Memory | ProjectedMemory, row_B: Tensor | None = None
    ) -> Tensor:
        """Whether text and image belong together, (B, 2): no, yes; text b is read with memory ``row_B[b]``."""
        return self.match_head(self.fuse_first(text, memory, row_B))

    def decode(
        self,
        tokens: Tokens,
        memory: Memory | ProjectedMemory | Tensor,
        memory_mask_BM: Tensor | None = None,
        at_BT: Tensor | None = None,
    ) -> Tensor:
        """Scores of the next token, (B, T, V), or (N, V) at the N places where ``at_BT`` (B, T) is True."""
        state = self.text(*tokens, "decoder", memory, memory_mask_BM)
        return self.text.vocabulary_logits(state if at_BT is None else state[at_BT])
