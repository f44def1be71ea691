"""Graph attention against a dense loop over nodes, heads and neighbours."""

import pytest
import torch
import yaml
from torch.nn import functional as F

from gkmvlp.app.running.configs import zoo_configs
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.models.config import ArlArchitecture
from gkmvlp.models.graph_attention import GraphAttention, GraphAttentionLayer, grouped_softmax, with_self_loops

NODES, WIDTH = 7, 6
EDGES = torch.tensor([[0, 1, 1, 2, 5, 0, 3, 0], [1, 0, 2, 2, 1, 2, 1, 1]])  # a loop at 2, 0 to 1 twice, 4 and 6 alone


def dense(layer, x_NC, edge_index_2M):
    """The layer as equations 1 to 6 of the paper say it, number by number."""
    heads, width = layer.from_head.shape
    out = []
    for node in range(len(x_NC)):
        incoming = [int(head) for head, tail in edge_index_2M.T if int(tail) == node]
        by_head = []
        for h in range(heads):
            weight = layer.projection.weight[h * width : (h + 1) * width]
            a = torch.cat([layer.from_tail[h], layer.from_head[h]])
            scores = [
                F.leaky_relu(a @ torch.cat([weight @ x_NC[node], weight @ x_NC[other]]), 0.2) for other in incoming
            ]
            total = sum(score.exp() for score in scores)
            terms = [
                score.exp() / total * (weight @ x_NC[other]) for score, other in zip(scores, incoming, strict=True)
            ]
            by_head.append(sum(terms, torch.zeros(width, dtype=x_NC.dtype)))
        joined = torch.cat(by_head) if layer.concatenates else torch.stack(by_head).mean(0)
        out.append(joined + layer.bias)
    return torch.stack(out)


def layer(concatenates, heads=3, seed=0):
    torch.manual_seed(seed)
    made = GraphAttentionLayer(WIDTH, 4, heads, concatenates, 0.5).double().eval()
    torch.nn.init.normal_(made.bias)
    return made


@pytest.mark.parametrize("concatenates", [True, False])
def test_a_layer_is_the_loop_over_neighbours_with_its_gradients(concatenates):
    made, x = layer(concatenates), torch.randn(NODES, WIDTH, dtype=torch.float64, requires_grad=True)
    edges = with_self_loops(EDGES, NODES)
    fast, slow = made(x, edges), dense(made, x, edges)
    torch.testing.assert_close(fast, slow)
    target = torch.randn_like(fast)
    parts = [x, *made.parameters()]
    for one, other in zip(
        torch.autograd.grad((fast * target).sum(), parts),
        torch.autograd.grad((slow * target).sum(), parts),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_node_without_incoming_edges_is_the_bias():
    made, x = layer(True), torch.randn(NODES, WIDTH, dtype=torch.float64)
    out = made(x, EDGES)
    torch.testing.assert_close(out[4], made.bias)
    torch.testing.assert_close(out, dense(made, x, EDGES))


def test_the_softmax_of_a_group_is_the_softmax_and_no_score_is_too_large():
    score, group = torch.tensor([[1e4, -1e4], [3.0, 2.0], [1e4 - 1, 5.0], [0.0, 0.0]]), torch.tensor([0, 2, 0, 2])
    weight = grouped_softmax(score, group, 4)
    for one in (0, 2):
        torch.testing.assert_close(weight[group == one], score[group == one].softmax(0))


def test_loops_are_one_a_node_and_reverse_edges_an_option():
    kept = [tuple(edge) for edge in EDGES.T.tolist() if edge[0] != edge[1]]
    loops = [(node, node) for node in range(NODES)]
    assert sorted(map(tuple, with_self_loops(EDGES, NODES).T.tolist())) == sorted(kept + loops)
    both = kept + [(tail, head) for head, tail in kept]
    assert sorted(map(tuple, with_self_loops(EDGES, NODES, True).T.tolist())) == sorted(both + loops)


def test_the_encoder_is_its_layers_in_order():
    torch.manual_seed(0)
    table = torch.randn(NODES, WIDTH)
    encoder = GraphAttention(table, EDGES, head_width=4, heads=3).eval()
    edges = with_self_loops(EDGES, NODES)
    middle = F.elu(dense(encoder.first, F.layer_norm(table, (WIDTH,)), edges))
    torch.testing.assert_close(encoder(), dense(encoder.second, middle, edges))
    assert encoder().shape == (NODES, WIDTH)


def test_with_a_residual_the_own_embedding_is_added():
    torch.manual_seed(0)
    table = torch.randn(NODES, WIDTH)
    kept, plain = (GraphAttention(table, EDGES, 4, 3, residual=residual).eval() for residual in (True, False))
    kept.load_state_dict(plain.state_dict())
    torch.testing.assert_close(kept(), plain() + F.layer_norm(table, (WIDTH,)))


@pytest.mark.parametrize("seed", range(3))
def test_findings_that_show_in_the_same_regions_stay_apart_with_a_residual(seed):
    """Independent directions of 64 numbers have cosines of about an eighth; the graph's attention alone joins them."""
    architecture = ArlArchitecture.from_dict(yaml.safe_load(zoo_configs()["_base/architecture_arl_small"].read_text()))
    assert architecture.knowledge.residual
    names = architecture.knowledge.entities
    graph = entity_graph(names)
    torch.manual_seed(seed)
    table = torch.randn(len(graph.concepts), architecture.projection_dim)
    largest = {}
    for residual in (False, True):
        encoder = GraphAttention(table, graph.edge_index_2M, 16, 4, residual=residual).eval()
        unit_EC = F.normalize(encoder().detach()[: len(names)], dim=1)
        largest[residual] = (unit_EC @ unit_EC.T).fill_diagonal_(0).max().item()
    assert largest[False] > 0.9
    assert largest[True] < 0.5


def test_numbering_the_concepts_otherwise_changes_nothing_else():
    torch.manual_seed(0)
    table, order = torch.randn(NODES, WIDTH), torch.randperm(NODES)
    place = order.argsort()
    one, other = GraphAttention(table, EDGES, 4, 3).eval(), GraphAttention(table[order], place[EDGES], 4, 3).eval()
    shared = {name: value for name, value in one.state_dict().items() if name not in ("table_ND", "edge_index_2M")}
    other.load_state_dict(shared, strict=False)
    torch.testing.assert_close(one()[order], other())


def test_what_a_head_holds_reaches_its_tail_and_no_other_way():
    torch.manual_seed(0)
    table, edges = torch.randn(3, WIDTH), torch.tensor([[0, 1], [1, 2]])
    for reverse, reached in ((False, {(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)}), (True, None)):
        encoder = GraphAttention(table, edges, 4, 3, reverse_edges=reverse).eval()
        found = set()
        for node in range(3):
            (gradient,) = torch.autograd.grad(encoder()[node].sum(), encoder.table_ND)
            found |= {(source, node) for source in range(3) if gradient[source].abs().sum() > 1e-7}
        assert found == (reached or {(a, b) for a in range(3) for b in range(3)})


def test_the_size_of_arl_and_its_parameters_by_hand():
    encoder = GraphAttention(torch.zeros(10, 256), EDGES)
    by_hand = 10 * 256 + 2 * 256 + (256 * 512 + 2 * 8 * 64 + 512) + (512 * 256 + 2 * 256 + 256)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == by_hand


def test_under_autocast_to_bfloat16_nodes_are_those_of_float32_within_its_digits():
    torch.manual_seed(0)
    graph = GraphAttention(torch.randn(NODES, WIDTH), EDGES, 4, 2).eval()
    with torch.autocast("cpu", torch.bfloat16):
        mixed_NC = graph()
    assert torch.allclose(mixed_NC.float(), graph(), atol=0.05)
    mixed_NC.float().square().sum().backward()
    assert all(parameter.grad is not None for parameter in graph.parameters())
