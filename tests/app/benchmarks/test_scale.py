"""The plan for many GPUs: its formulas, and that the page holds what they give."""

from dataclasses import replace
from pathlib import Path

import pytest

from gkmvlp.app.benchmarks.scale import Corpus, Machine, main, markdown, step
from gkmvlp.app.benchmarks.table import Cost
from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.metric_result import Results

ROOT = Path(__file__).resolve().parents[3]
COST = Cost(parameters=100e6, activations=1e9, gflop=400, prompt_gflop=800)
# round numbers: 100 TFLOP/s reached, 10 in float32, 10 GB/s
MACHINE = Machine(gpus=4, gpus_a_node=2, tflops=200, tflops32=20, utilisation=0.5, network_gb_s=10, node_gb_s=100)


def test_a_step_by_hand():
    one = step(replace(MACHINE, overlap=0.75), COST, 8, dim=256)
    assert one.pairs == 32
    assert one.compute == pytest.approx((8 * 400 + 800) / 100e3)
    # a ring sends (N - 1) / N of 400 MB twice
    assert one.gradient_bytes == pytest.approx(2 * 0.75 * 400e6)
    assert one.gradients == pytest.approx(0.06)
    # 24 vectors of others of 1 kB, images and texts, there and back
    assert one.gather_bytes == 24 * 1024 * 2 * 2
    # two directions of a product of 8 x 256 x 32, three times
    assert one.itc_gflop == pytest.approx(2 * 3 * 2 * 8 * 32 * 256 / 1e9)
    assert one.all_itc == pytest.approx(one.itc * 4)
    assert one.seconds == pytest.approx(one.compute + one.itc + 0.015 + one.gather)


def test_one_gpu_sends_nothing_and_a_node_sends_faster():
    alone = step(replace(MACHINE, gpus=1), COST, 8)
    assert (alone.gradient_bytes, alone.gather_bytes) == (0, 0)
    assert alone.seconds == alone.compute + alone.itc
    node, two = step(replace(MACHINE, gpus=2), COST, 8), step(replace(MACHINE, gpus=2, gpus_a_node=1), COST, 8)
    assert two.gradients == pytest.approx(10 * node.gradients)


def test_itc_of_own_rows_grows_with_the_global_batch_and_of_all_with_its_square():
    small, large = (step(replace(MACHINE, gpus=gpus), COST, 64) for gpus in (64, 256))
    assert large.itc == pytest.approx(4 * small.itc)
    assert large.all_itc == pytest.approx(16 * small.all_itc)
    assert large.itc_bytes == pytest.approx(4 * small.itc_bytes)
    huge = step(replace(MACHINE, gpus=2**16), COST, 64)  # part by part: a row of all at least
    assert huge.itc_bytes < 64 * huge.pairs * 8
    assert huge.itc == pytest.approx(256 * large.itc * 4 / 3)  # the forward pass twice


def test_twice_the_pairs_cost_twice_as_much():
    results = Results.read(ROOT / "docs" / "results" / "bench.json")
    plans = [markdown(results, MACHINE, Corpus(pairs=pairs), 8).splitlines() for pairs in (10**6, 2 * 10**6)]
    hours = [float(next(row for row in plan if row.startswith("| hours |")).split("|")[2]) for plan in plans]
    assert hours[1] == pytest.approx(2 * hours[0], abs=0.01)
    assert all("| 72 x 2 B |" in "\n".join(plan) for plan in plans)  # the corpus itself has 71.4 on average


def test_the_page_holds_what_the_command_gives(tmp_path):
    page = ROOT / "docs" / "scale.md"
    copy = tmp_path / "scale.md"
    copy.write_text(page.read_text())
    main([str(copy), "--bench", str(ROOT / "docs" / "results" / "bench.json")])
    assert copy.read_text() == page.read_text()


def test_a_file_without_the_base_model_is_refused(tmp_path):
    empty = Results("2026-01-01T00:00:00+00:00", "gkmvlp bench", None, 1.0, 1, [])
    empty.write(tmp_path / "b.json")
    with pytest.raises(ResultsError, match="gkmvlp bench --what model images"):
        markdown(Results.read(tmp_path / "b.json"), MACHINE, Corpus(), 8)
