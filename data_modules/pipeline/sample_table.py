"""Rows as columns of a file that is mapped into memory: all workers share it, and none has a copy.

A row in Python is some twenty objects, and whoever reads an object counts a reference up and down: a worker that was
forked gets its own copy of every page that it looks at. Here a row is made of bytes when it is asked for, and forgotten
again. The file is one of Arrow blocks, has no name, and is gone with the last process that maps it.

N rows.
"""

import mmap
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import islice
from typing import IO, Any, Literal, NamedTuple, overload

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import DataError

_BLOCK = 4096  # rows
_ALIGNED = 64  # bytes: Arrow reads blocks in place that begin at a multiple of it
_ATTRIBUTES = tuple(each.name for each in fields(Sample) if each.name != "fields")


class _Column(NamedTuple):
    """One name and one kind of value. A name with values of several kinds has a column for each."""

    name: str
    is_field: bool  # of ``Sample.fields``; else of the ``Sample`` itself
    kind: Literal["text", "array", "bits", "shared", "object"]
    dtype: str = ""  # of an array
    shape: tuple[int, ...] = ()


class _Block(NamedTuple):
    """Up to ``_BLOCK`` rows; a cell is null where its row has no such value."""

    columns: tuple[_Column, ...]
    arrays: list[pa.Array]


class _Blocks:
    """All blocks of a file.

    Args:
        content: The file.
        starts: Where each block begins.
        columns: Columns of each block.
        shared: Bytes that rows share, such as an image that several questions are about.
    """

    def __init__(
        self,
        content: bytes | mmap.mmap,
        starts: Sequence[int],
        columns: Sequence[tuple[_Column, ...]],
        shared: Sequence[bytes],
    ) -> None:
        self.content, self.starts, self.columns, self.shared = content, starts, columns, shared
        buffer = pa.py_buffer(content)
        batches = [pa.ipc.open_stream(buffer.slice(start)).read_next_batch() for start in starts]
        self.blocks = [_Block(names, batch.columns) for names, batch in zip(columns, batches, strict=True)]

    def __reduce__(self) -> tuple[Any, ...]:
        """A process that is not forked gets a copy: the file has no name to open it by."""
        return _Blocks, (bytes(self.content), self.starts, self.columns, self.shared)

    def row(self, number: int) -> Sample:
        """One row."""
        block, place = self.blocks[number // _BLOCK], number % _BLOCK
        return self._sample(zip(block.columns, (array[place].as_buffer() for array in block.arrays), strict=True))

    def rows(self, number_N: NDArray[np.int64]) -> Iterator[Sample]:
        """Rows in the order of their numbers, faster than one by one."""
        for block, place_n in self._runs(number_N):
            cells = [array.take(place_n).to_pylist() for array in block.arrays]
            for row in zip(*cells, strict=True):
                yield self._sample(zip(block.columns, row, strict=True))

    def values(self, number_N: NDArray[np.int64], name: str) -> Iterator[Any]:
        """One value of each row; None where it has none."""
        for block, place_n in self._runs(number_N):
            found: list[Any] = [None] * len(place_n)
            for column, array in zip(block.columns, block.arrays, strict=True):
                if column.name == name:
                    cells = array.take(place_n).to_pylist()
                    found = [
                        old if data is None else self._decode(column, data)
                        for old, data in zip(found, cells, strict=True)
                    ]
            yield from found

    def _runs(self, number_N: NDArray[np.int64]) -> Iterator[tuple[_Block, pa.Array]]:
        """Neighbours that lie in one block, with their places there."""
        block_N, place_N = np.divmod(number_N, _BLOCK)
        cut = np.flatnonzero(np.diff(block_N)) + 1
        for start, end in zip([0, *cut], [*cut, len(number_N)], strict=True):
            if end > start:
                places = pa.py_buffer(np.ascontiguousarray(place_N[start:end], np.int64))
                yield self.blocks[block_N[start]], pa.Array.from_buffers(pa.int64(), end - start, [None, places])

    def _sample(self, cells: Iterable[tuple[_Column, Any]]) -> Sample:
        own: dict[str, Any] = {}
        further: dict[str, Any] = {}
        for column, data in cells:
            if data is not None:
                (further if column.is_field else own)[column.name] = self._decode(column, data)
        return Sample(**own, fields=further)

    def _decode(self, column: _Column, data: Any) -> Any:
        """The value of a cell's bytes; an array is the reader's own, to be written to as it likes."""
        if column.kind == "text":
            return str(data, "utf-8", "surrogatepass")
        if column.kind == "array":
            return np.frombuffer(data, column.dtype).reshape(column.shape).copy()
        if column.kind == "bits":
            bits = np.unpackbits(np.frombuffer(data, np.uint8), count=int(np.prod(column.shape)))
            return bits.view(bool).reshape(column.shape)
        value = pickle.loads(data)  # written by this process, or by the one that handed the table on
        return self.shared[value] if column.kind == "shared" else value


class SampleTable(Sequence[Sample]):
    """Rows of a data set, read like a list.

    Args:
        blocks: Where the rows lie.
        number_N: Which of them these are, in this order.
    """

    def __init__(self, blocks: _Blocks, number_N: NDArray[np.int64]) -> None:
        self._blocks, self._number_N = blocks, number_N

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "SampleTable":
        """Writes rows as they come, and forgets each block of them; a table stays as it is.

        The file takes its room in the folder for temporary files (``TMPDIR``).

        Args:
            samples: The rows.

        Raises:
            DataError: If there is no room.
        """
        if isinstance(samples, SampleTable):
            return samples
        rows, count = iter(samples), 0
        starts: list[int] = []
        columns: list[tuple[_Column, ...]] = []
        shared: dict[bytes, int] = {}
        known: dict[tuple[_Column, ...], tuple[_Column, ...]] = {}  # blocks with the same columns share them
        with _unnamed_file() as file:
            while block := list(islice(rows, _BLOCK)):
                names, content = _written(block, shared)
                starts.append(file.tell())
                columns.append(known.setdefault(names, names))
                _append(file, content)
                count += len(block)
            whole: bytes | mmap.mmap = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) if count else b""
        return cls(_Blocks(whole, starts, columns, list(shared)), np.arange(count))

    def __len__(self) -> int:
        return len(self._number_N)

    @overload
    def __getitem__(self, key: int) -> Sample: ...

    @overload
    def __getitem__(self, key: slice) -> "SampleTable": ...

    def __getitem__(self, key: int | slice) -> "Sample | SampleTable":
        """A row, or a part of the rows, which takes no more than their numbers."""
        if isinstance(key, slice):
            return SampleTable(self._blocks, self._number_N[key])
        return self._blocks.row(int(self._number_N[key]))

    def __iter__(self) -> Iterator[Sample]:
        return self._blocks.rows(self._number_N)

    def __add__(self, other: Iterable[Sample]) -> list[Sample]:
        """These rows, then others."""
        return [*self, *other]

    @property
    def size_bytes(self) -> int:
        """Size of the file, which all processes map."""
        return len(self._blocks.content)

    def where(self, is_kept: ArrayLike) -> "SampleTable":
        """The rows at which a condition (N,) holds."""
        return SampleTable(self._blocks, self._number_N[np.asarray(is_kept, bool)])

    def split(self, name: str) -> "SampleTable":
        """The rows of a split."""
        return self.where([each == name for each in self.values("split")])

    def values(self, name: str) -> Iterator[Any]:
        """One value of each row, without making the others: an attribute of ``Sample``, or one of its ``fields``.

        Args:
            name: Its name; a row that has none gives None.
        """
        return self._blocks.values(self._number_N, name)


def _unnamed_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _no_room(error) from error


def _append(file: IO[bytes], content: pa.Buffer) -> None:
    """Writes a block, and fills it up so that the next one lies where Arrow reads it in place."""
    try:
        file.write(content)
        file.write(bytes(-len(content) % _ALIGNED))
        file.flush()
    except OSError as error:
        with suppress(OSError):  # closing writes what is left
            file.close()
        raise _no_room(error) from error


def _no_room(error: OSError) -> DataError:
    place = tempfile.gettempdir()
    return DataError(
        f"cannot keep the rows in {place}: {error.strerror or error}; make room there, or name another folder in TMPDIR"
    )


def _written(samples: Sequence[Sample], shared: dict[bytes, int]) -> tuple[tuple[_Column, ...], pa.Buffer]:
    """A block of rows: its columns, and its bytes."""
    cells: dict[_Column, list[bytes | None]] = {}
    for place, sample in enumerate(samples):
        own = ((name, False, value) for name in _ATTRIBUTES if (value := getattr(sample, name)) is not None)
        further = ((name, True, value) for name, value in sample.fields.items())
        for name, is_field, value in (*own, *further):
            column, data = _encode(name, is_field, value, shared)
            if column not in cells:
                cells[column] = [None] * len(samples)
            cells[column][place] = data
    arrays = [_as_array(column) for column in cells.values()]
    batch = pa.record_batch(arrays, [str(number) for number in range(len(arrays))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return tuple(cells), sink.getvalue()


def _as_array(cells: Sequence[bytes | None]) -> pa.Array:
    """Cells as Arrow lays them out. ``pa.array`` would do, and import pandas, which reading one image does not need."""
    valid_N = np.packbits([data is not None for data in cells], bitorder="little")
    offset_N = np.cumsum([0, *(len(data or b"") for data in cells)], dtype=np.int64)
    content = b"".join(data or b"" for data in cells)
    buffers = [pa.py_buffer(valid_N), pa.py_buffer(offset_N), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.large_binary(), len(cells), buffers)


def _encode(name: str, is_field: bool, value: Any, shared: dict[bytes, int]) -> tuple[_Column, bytes]:
    """A value as bytes, and the column that these go into; ``_Blocks._decode`` is its reverse."""
    if isinstance(value, str):  # file names may hold bytes that are not UTF-8
        return _Column(name, is_field, "text"), value.encode("utf-8", "surrogatepass")
    if isinstance(value, np.ndarray) and value.dtype == bool:
        return _Column(name, is_field, "bits", shape=value.shape), np.packbits(value).tobytes()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return _Column(name, is_field, "array", value.dtype.str, value.shape), value.tobytes()
    if isinstance(value, bytes):
        return _Column(name, is_field, "shared"), pickle.dumps(shared.setdefault(value, len(shared)))
    return _Column(name, is_field, "object"), pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
