"""Structures of integers and tables in one packed array, read by compiled code.

`unpacker` makes an intrinsic that Numba compiles as a few loads. Slices and reshapes of the array
would say the same, and would be half of what a Winograd kernel takes to compile. The views count no
references: they are valid while the caller holds the array.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import extending
from numba.np.arrayobj import populate_array

Row = Annotated[np.ndarray, 1]
"""A field that is a table of one row."""
Table = Annotated[np.ndarray, 2]
"""A field that is a table (rows,columns)."""
_I64, _BYTES = ir.IntType(64), 8
_TYPES: dict[Any, types.Type] = {
    int: types.int64,
    tuple[int, int]: types.UniTuple(types.int64, 2),
    Row: types.Array(types.int64, 1, "C"),
    Table: types.Array(types.int64, 2, "C"),
}
"""A field's type, by its annotation."""
intrinsic: Any = extending.intrinsic  # its stub has the typing context among the arguments


class _Reader(NamedTuple):
    """Fields of the packed array `array`: each table's place, rows and columns stand first."""

    context: Any
    builder: ir.IRBuilder
    array: Any

    def element(self, index: ir.Value | int) -> ir.Value:
        return self.builder.load(self.place(index))

    def place(self, index: ir.Value | int) -> ir.Value:
        number = index if isinstance(index, ir.Value) else _I64(index)
        return self.builder.gep(self.array.data, [number])

    def field(self, kind: types.Type, number: int) -> ir.Value:
        """Table `number` as a value of type `kind`; arrays are views."""
        at = self.element(3 * number)
        if isinstance(kind, types.Array):
            rows_columns = [self.element(3 * number + i) for i in (1, 2)]
            return self._view(kind, at, rows_columns[-kind.ndim :])
        if isinstance(kind, types.UniTuple):
            pair = self.element(at), self.element(self.builder.add(at, _I64(1)))
            return self.context.make_tuple(self.builder, kind, pair)
        return self.element(at)

    def _view(self, kind: types.Array, at: ir.Value, shape: list[ir.Value]) -> ir.Value:
        view = self.context.make_array(kind)(self.context, self.builder)
        strides = [self.builder.mul(shape[-1], _I64(_BYTES)), _I64(_BYTES)][-kind.ndim :]
        populate_array(view, self.place(at), shape, strides, _BYTES, meminfo=None)
        return view._getvalue()


def unpacker(structure: type, first: int) -> Any:
    """An intrinsic: parameters (int64, flat) -> `structure`, whose tables have numbers from `first`
    on."""
    hints = get_type_hints(structure, include_extras=True)
    fields = [_TYPES[hint] for hint in hints.values()]
    result = types.NamedTuple(fields, structure)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, args[0])
        reader = _Reader(context, builder, array)
        values = [reader.field(kind, number) for number, kind in enumerate(fields, first)]
        return context.make_tuple(builder, result, values)

    @intrinsic
    def unpack(typingctx, parameters):  # type: ignore[no-untyped-def]
        return result(parameters), generate

    return unpack
