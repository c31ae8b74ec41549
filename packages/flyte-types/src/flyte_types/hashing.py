"""How a content becomes the text that stands for it when inputs are compared: hash methods, and streams that hash as they go."""

import io
from collections.abc import Callable
from typing import IO, Any, Protocol, runtime_checkable

__all__ = ["HashFunction", "HashMethod", "HashingWriter", "HashlibAccumulator", "PrecomputedValue", "as_method"]


@runtime_checkable
class HashMethod(Protocol):
    """Takes a content piece by piece, then gives its hash."""

    def update(self, data: Any, /) -> None:
        """Take the next piece."""
        ...

    def result(self) -> str:
        """Give the hash of what was taken."""
        ...

    def reset(self) -> None:
        """Forget what was taken."""
        ...


class HashFunction(HashMethod):
    """A function of the whole content as a hash method.

    Of a file it gets a `memoryview` of all bytes, of a frame the frame.

    ```python
    from flyte_types.hashing import HashFunction

    method = HashFunction.from_fn(lambda frame: str(len(frame)))
    method.update([1, 2, 3])
    assert method.result() == "3"
    ```
    """

    def __init__(self, fn: Callable[[Any], str]) -> None:
        """Keep `fn`; it is called for each content."""
        self._fn = fn
        self._value: str | None = None

    @classmethod
    def from_fn(cls, fn: Callable[[Any], str]) -> "HashFunction":
        """Make a hash method of a function."""
        return cls(fn)

    def update(self, data: Any, /) -> None:
        """Call the function; what comes last counts."""
        self._value = self._fn(data)

    def result(self) -> str:
        """Give what the function said.

        Raises:
            ValueError: There was nothing yet to hash.
        """
        if self._value is None:
            raise ValueError("there is no hash yet: nothing was given to the hash function")
        return self._value

    def reset(self) -> None:
        """Forget the last result."""
        self._value = None


class HashlibAccumulator(HashMethod):
    """An object of `hashlib` as a hash method: the hash is its hexadecimal digest.

    ```python
    from flyte_types.hashing import HashlibAccumulator

    method = HashlibAccumulator.from_hash_name("md5")
    method.update(b"hello")
    assert method.result() == "5d41402abc4b2a76b9719d911017c592"
    ```
    """

    def __init__(self, h: Any) -> None:
        """Start where `h` stands."""
        self._fresh = h.copy()
        self._hash = h

    @classmethod
    def from_hash_name(cls, name: str) -> "HashlibAccumulator":
        """Use an algorithm of `hashlib` by its name.

        Raises:
            ValueError: There is no such algorithm.
        """
        import hashlib  # noqa: PLC0415  # costly, and only wanted by name

        return cls(hashlib.new(name))

    def update(self, data: Any, /) -> None:
        """Take the next bytes."""
        self._hash.update(data)

    def result(self) -> str:
        """Give the digest so far."""
        return str(self._hash.hexdigest())

    def reset(self) -> None:
        """Go back to the start."""
        self._hash = self._fresh.copy()


class PrecomputedValue(HashMethod):
    """A hash that is known already."""

    def __init__(self, value: str) -> None:
        """Keep the hash."""
        self._value = value

    def update(self, data: Any, /) -> None:
        """Do nothing."""

    def result(self) -> str:
        """Give the hash."""
        return self._value

    def reset(self) -> None:
        """Do nothing."""


def as_method(given: Any) -> HashMethod | None:
    """Take what may be given as `hash_method`: a hash method, an object of `hashlib`, a hash, or None.

    Raises:
        TypeError: It is none of these.
    """
    if given is None or isinstance(given, HashMethod):
        return given
    if isinstance(given, str):
        return PrecomputedValue(given)
    if hasattr(given, "update") and hasattr(given, "hexdigest"):
        return HashlibAccumulator(given)
    raise TypeError(
        f"{given!r} is not a hash method\nhint: pass a hash as text, an object of `hashlib`, or `HashFunction.from_fn(...)`"
    )


def hash_stream(method: HashMethod, stream: IO[bytes]) -> str:
    """Hash all that is left in a stream."""
    method.reset()
    if isinstance(method, HashFunction):
        method.update(memoryview(stream.read()))
    elif not isinstance(method, PrecomputedValue):
        while chunk := stream.read(1 << 20):
            method.update(chunk)
    return method.result()


class HashingWriter(io.BufferedIOBase):
    """Writes to another stream and hashes what goes through. Closing it leaves the other stream open."""

    def __init__(self, stream: IO[bytes], method: HashMethod) -> None:
        """Start the hash anew; `stream` is one that writes all it is given."""
        self._stream = stream
        self._method = method
        # A function wants the whole at once, so the pieces are kept.
        self._kept = bytearray() if isinstance(method, HashFunction) else None
        method.reset()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Write and hash bytes."""
        if self._kept is None:
            self._method.update(data)
        else:
            self._kept += data
        self._stream.write(data)
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Flush the other stream, unless its owner has closed it; Python flushes this one when it is collected."""
        if not self.closed and not self._stream.closed:
            self._stream.flush()

    def tell(self) -> int:
        """Give the offset."""
        return self._stream.tell()

    def result(self) -> str:
        """Give the hash of what was written so far."""
        if self._kept is not None:
            self._method.update(memoryview(bytes(self._kept)))
        return self._method.result()
