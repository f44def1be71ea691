"""One bit of a file that is not as it was written: it is told, or changes nothing that is read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gkmvlp.checkpoints.pickles import load_pickle
from gkmvlp.checkpoints.weights import read_tensors, tensor_bytes, write_tensors
from gkmvlp.errors import BackboneError

GENERATOR = torch.Generator().manual_seed(0)
STATE = {
    "weight": torch.randn(8, 8, generator=GENERATOR),
    "half": torch.randn(6, generator=GENERATOR).half(),
    "brain": torch.randn(6, generator=GENERATOR).bfloat16(),
    "steps": torch.arange(5),
    "mask": torch.tensor([True, False]),
    "scale": torch.tensor(2.0),
    "empty": torch.zeros(0, 3),
}


def with_flipped_bit(file: Path, bit: int) -> Path:
    """A copy in which one bit is the other way round."""
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    copy = file.with_name(f"flipped{file.suffix}")
    copy.write_bytes(content)
    return copy


def some_bits(file: Path) -> list[int]:
    """Places of bits of a file."""
    return [int(bit) for bit in np.random.default_rng(0).choice(file.stat().st_size * 8, 700, replace=False)]


def same(found: dict[str, torch.Tensor]) -> bool:
    """Whether tensors are those that were written."""
    return found.keys() == STATE.keys() and all(torch.equal(found[name], tensor) for name, tensor in STATE.items())


def test_what_is_written_is_read_and_others_can_read_it(tmp_path: Path):
    write_tensors(STATE, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(tensor_bytes(STATE))
    for name in ("a.safetensors", "b.safetensors"):
        assert same(read_tensors(tmp_path / name))
        assert same(load_file(tmp_path / name))


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path):
    """safetensors writes the keys of its metadata in any order, another in each call."""
    contents = {tensor_bytes(STATE) for _ in range(20)}
    for number in range(20):
        write_tensors(STATE, tmp_path / f"{number}.safetensors")
        contents.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(contents) == 1


def test_a_file_without_a_checksum_is_read_as_it_is(tmp_path: Path):
    save_file(STATE, tmp_path / "others.safetensors")
    assert same(read_tensors(tmp_path / "others.safetensors"))


def test_no_bit_of_a_file_of_tensors_changes_in_silence(tmp_path: Path):
    file = tmp_path / "model.safetensors"
    write_tensors(STATE, file)
    told = set()
    for bit in some_bits(file):
        try:
            found = read_tensors(with_flipped_bit(file, bit))
        except BackboneError as error:
            told.add(str(error))
        else:
            assert same(found), f"bit {bit}"
    assert all("flipped.safetensors is " in line and line.endswith("anew") for line in told)
    assert any("is damaged" in line for line in told)


def test_no_bit_of_a_checkpoint_changes_in_silence(tmp_path: Path):
    file = tmp_path / "last.ckpt"
    torch.save({"state_dict": STATE, "global_step": 3}, file)
    told = set()
    for bit in some_bits(file):
        try:
            found = load_pickle(with_flipped_bit(file, bit), "name another")
        except BackboneError as error:
            told.add(str(error))
        else:
            assert found["global_step"] == 3, f"bit {bit}"
            assert same(found["state_dict"]), f"bit {bit}"
    assert all("flipped.ckpt is " in line and line.endswith(": name another") for line in told)
    assert not any("\n" in line for line in told)
    assert any("is damaged" in line for line in told)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no checkpoint", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_one_line(content: bytes, tmp_path: Path):
    file = tmp_path / "last.ckpt"
    file.write_bytes(content)
    with pytest.raises(BackboneError, match=r"last\.ckpt is (no whole checkpoint|damaged).*: name another$"):
        load_pickle(file, "name another")
