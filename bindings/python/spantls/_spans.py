"""Spans: the address and the length of any buffer object, without a copy."""

from __future__ import annotations

import ctypes
from typing import Any, List, Sequence, Tuple

from ._native import spantls_span_t

_Char = ctypes.c_char
_from_buffer = _Char.from_buffer
_byref = ctypes.byref


class _View(ctypes.Structure):
    """Py_buffer, as CPython has had it since 3.0."""

    _fields_ = [
        ("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_View), ctypes.c_int]
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_View)]
_release_buffer.restype = None


class _Address(ctypes.c_void_p):
    """The address of a read-only buffer, which is held as long as this object lives."""

    def __init__(self, buffer: Any) -> None:
        self._view = _View()
        self._held = False
        _get_buffer(buffer, self._view, 0)  # PyBUF_SIMPLE: contiguous bytes; raises BufferError or TypeError
        self._held = True
        super().__init__(self._view.buf)

    def __del__(self, release: Any = _release_buffer) -> None:
        if self._held:
            self._held = False
            release(self._view)


def input_span(data: Any) -> Tuple[Any, int]:
    """What to pass for a span that is read, and its length. Keep the first for as long as the call lasts."""
    kind = type(data)
    if kind is bytes:
        return data, len(data)
    if kind is bytearray:
        length = len(data)
        return (_byref(_from_buffer(data)) if length else None), length
    view = data if kind is memoryview else memoryview(data)
    length = view.nbytes
    if length == 0:
        return None, 0
    if view.readonly:
        return _Address(data), length
    if not view.c_contiguous:
        raise BufferError("a span must be contiguous")
    return _byref(_from_buffer(view)), length


def spans_of(parts: Sequence[Any]) -> Tuple[Any, List[Any]]:
    """An array of spans that are read, and what to keep for as long as the call lasts."""
    array = (spantls_span_t * len(parts))()
    held: List[Any] = []
    for index, part in enumerate(parts):
        span, length = input_span(part)
        held.append(span)
        if length:
            pointer = ctypes.cast(span, ctypes.c_void_p)
            held.append(pointer)
            array[index].data = pointer.value
        array[index].len = length
    return array, held


def output_span(buffer: Any) -> Tuple[Any, int]:
    """The same for a span that is written. None is an empty one."""
    if buffer is None:
        return None, 0
    if type(buffer) is bytearray:
        length = len(buffer)
        return (_byref(_from_buffer(buffer)) if length else None), length
    view = memoryview(buffer)
    length = view.nbytes
    if view.readonly:
        raise TypeError("a writable buffer is needed")
    if length == 0:
        return None, 0
    if not view.c_contiguous:
        raise BufferError("a span must be contiguous")
    return _byref(_from_buffer(view)), length


def terminated(text: bytes) -> bytes:
    """A text for the C interface, which would end at a NUL."""
    if b"\0" in text:
        raise ValueError("embedded null byte")
    return text


def host_name(name: str) -> bytes:
    """The name of a server for the C interface, international ones as A-labels."""
    return terminated(name.encode("ascii" if name.isascii() else "idna"))
