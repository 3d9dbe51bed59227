"""A metric's number in a file that a scrape of any worker can read, cheap enough for each request."""

import struct
import threading
from pathlib import Path
from typing import Any

from prometheus_client.mmap_dict import MmapedDict, mmap_key

DOUBLES = struct.Struct("dd")


def make_value_class(slot: int, folder: Path) -> type:
    """What prometheus_client keeps its numbers in (`values.ValueClass`), in the slot's files of the folder.

    The files are those of the library's own class, which takes several times as long for an increment: it
    looks for a fork, packs the number and finds its place each time.
    """
    files: dict[str, MmapedDict] = {}
    lock = threading.Lock()
    pack = DOUBLES.pack

    class SharedValue:
        """A double in a memory-mapped file, and the time of the last `set` behind it."""

        _multiprocess = True

        def __init__(
            self,
            typ: str,
            metric_name: str,
            name: str,
            labelnames: list[str],
            labelvalues: list[str],
            help_text: str,
            multiprocess_mode: str = "",
            **_: Any,  # noqa: ANN401  # the library's signature
        ) -> None:
            kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
            key = mmap_key(metric_name, name, labelnames, labelvalues, help_text)
            with lock:
                if kind not in files:
                    files[kind] = MmapedDict(str(folder / f"{kind}_{slot}.db"))
                numbers: tuple[float, float] = files[kind].read_value(key)
                # Both are private, but the library's tools for several processes read the same format.
                self._map = files[kind]._m  # noqa: SLF001
                place = files[kind]._positions[key]  # noqa: SLF001
            self._value, self._time = numbers
            self._place = slice(place, place + DOUBLES.size)

        def inc(self, amount: float) -> None:
            with lock:
                self._value += amount
                # In one piece, so that no scrape reads half a number.
                self._map[self._place] = pack(self._value, self._time)

        def set(self, value: float, timestamp: float | None = None) -> None:
            with lock:
                self._value, self._time = value, timestamp or 0.0
                self._map[self._place] = pack(self._value, self._time)

        def get(self) -> float:
            with lock:
                return self._value

        def set_exemplar(self, exemplar: object) -> None:
            """Keeps none, as the library's class for several processes."""

        def get_exemplar(self) -> None:
            """There is none."""

        @classmethod
        def close_all_files(cls) -> None:
            for file in files.values():
                file.close()

    return SharedValue
