"""Graph attention over a knowledge graph, in plain torch.

Velickovic et al. 2018, "Graph Attention Networks", equations 1 to 6; the two layers, their sizes and dropouts are those
of the entity encoder of ARL (arXiv 2209.07118). N nodes, M edges, C input width, H heads, K width of a head, D width of
the embeddings.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky ReLU, section 2.1


class GraphAttentionLayer(nn.Module):
    """Each node takes in what the heads of its incoming edges hold, weighted by attention.

    An edge runs from its first node to its second. Edges from each node to itself are to be among them: a node without
    any incoming edge comes out as the bias alone.

    Args:
        in_width: C.
        head_width: K.
        heads: H.
        concatenates: Whether heads stand side by side (H * K wide), as in equation 5, or are averaged (K), as in 6.
        dropout: Of the attention weights.
    """

    def __init__(self, in_width: int, head_width: int, heads: int, concatenates: bool, dropout: float) -> None:
        super().__init__()
        self.heads, self.concatenates, self.dropout = heads, concatenates, dropout
        self.projection = nn.Linear(in_width, heads * head_width, bias=False)
        self.from_head = nn.Parameter(torch.empty(heads, head_width))  # the two halves of the vector a of equation 3
        self.from_tail = nn.Parameter(torch.empty(heads, head_width))
        self.bias = nn.Parameter(torch.zeros(heads * head_width if concatenates else head_width))
        for weight in (self.projection.weight, self.from_head, self.from_tail):
            nn.init.xavier_uniform_(weight)

    def forward(self, x_NC: Tensor, edge_index_2M: Tensor) -> Tensor:
        """Nodes behind the layer.

        Args:
            x_NC: Nodes (N, C).
            edge_index_2M: Rows of head and tail of each edge, (2, M) int64.

        Returns:
            (N, H * K), or (N, K) where heads are averaged.
        """
        head_M, tail_M = edge_index_2M
        x_NHK = self.projection(x_NC).unflatten(-1, (self.heads, -1))
        score_MH = (x_NHK * self.from_head).sum(-1)[head_M] + (x_NHK * self.from_tail).sum(-1)[tail_M]
        weight_MH = grouped_softmax(F.leaky_relu(score_MH, SLOPE), tail_M, x_NC.shape[0])
        weight_MH = F.dropout(weight_MH, self.dropout, self.training)
        given_MHK = weight_MH[..., None] * x_NHK[head_M]  # float32 where autocast keeps exponentials so
        out_NHK = given_MHK.new_zeros(x_NHK.shape).index_add(0, tail_M, given_MHK)
        return (out_NHK.flatten(1) if self.concatenates else out_NHK.mean(1)) + self.bias


def grouped_softmax(score_MH: Tensor, group_M: Tensor, groups: int) -> Tensor:
    """Softmax of scores within each group, (M, H).

    Args:
        score_MH: Scores.
        group_M: The group of each, (M,) int64 in [0, groups).
        groups: Number of groups; one may be empty.
    """
    index_MH = group_M[:, None].expand_as(score_MH)
    lowest = score_MH.new_full((groups, score_MH.shape[1]), -torch.inf)
    # what is subtracted leaves the softmax as it is, so no gradient runs through it
    largest_GH = lowest.scatter_reduce(0, index_MH, score_MH.detach(), "amax")
    exp_MH = (score_MH - largest_GH[group_M]).exp()
    sum_GH = exp_MH.new_zeros(groups, score_MH.shape[1]).index_add(0, group_M, exp_MH)
    return exp_MH / sum_GH[group_M]


class GraphAttention(nn.Module):
    """Concepts of a whole knowledge graph by their neighbourhood: call it once a step and read rows of the result.

    Norm, then two layers of graph attention with an ELU between them, dropout before each. All relations count alike.

    Args:
        table_ND: Embeddings that the concepts start from, (N, D), as TransE made them; they are trained on.
        edge_index_2M: Rows of head and tail of each triple, (2, M) int64; what a head holds flows to its tail. An edge
            from each node to itself is added.
        head_width: Width of a head in the first layer.
        heads: Heads of the first layer; the second has one, of width D.
        dropout: Of nodes before each layer, and of the attention weights.
        reverse_edges: Whether what a tail holds flows to its head too.
        residual: Whether a concept's own embedding is added to what comes out. Without it, concepts with the same
            neighbours are nearly one wherever a concept has many: its own weight among them is small, twice.
    """

    edge_index_2M: Tensor

    def __init__(
        self,
        table_ND: Tensor,
        edge_index_2M: Tensor,
        head_width: int = 64,
        heads: int = 8,
        dropout: float = 0.2,
        reverse_edges: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        width = table_ND.shape[1]
        self.table_ND = nn.Parameter(table_ND.detach().clone().float())
        self.norm, self.dropout, self.residual = nn.LayerNorm(width), nn.Dropout(dropout), residual
        self.first = GraphAttentionLayer(width, head_width, heads, True, dropout)
        self.second = GraphAttentionLayer(heads * head_width, width, 1, False, dropout)
        # a part of the weights: they are good for this graph alone
        self.register_buffer("edge_index_2M", with_self_loops(edge_index_2M, table_ND.shape[0], reverse_edges))

    def forward(self) -> Tensor:
        """All concepts, (N, D)."""
        own_ND = self.norm(self.table_ND)
        x_NC = self.first(self.dropout(own_ND), self.edge_index_2M)
        out_ND = self.second(self.dropout(F.elu(x_NC)), self.edge_index_2M)
        return own_ND + out_ND if self.residual else out_ND


def with_self_loops(edge_index_2M: Tensor, nodes: int, reverse_edges: bool = False) -> Tensor:
    """The edges with exactly one from each node to itself, and the reverse of each where asked for, (2, M + N) or more.

    Edges that stand twice, for two relations, keep their double weight.
    """
    others_2M = edge_index_2M[:, edge_index_2M[0] != edge_index_2M[1]]
    loop_2N = torch.arange(nodes, device=edge_index_2M.device).expand(2, nodes)
    return torch.cat([others_2M, *([others_2M.flip(0)] if reverse_edges else []), loop_2N], 1)
