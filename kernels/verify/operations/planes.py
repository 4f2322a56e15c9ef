"""Operations on planes: every array has N and C as its first axes."""

from __future__ import annotations

from types import ModuleType

from kernels.verify.calls import Call, Operation, Results


class Planes(Operation):
    """`oracle` has a function of the operation's name, fast enough for large sizes."""

    oracle: ModuleType

    def at_large(self, call: Call) -> Results:
        """The results of the oracle's array expressions, in float64."""
        result = getattr(self.oracle, self.name)(*self.arguments(call), **call.options)
        return result if isinstance(result, tuple) else (result,)

    def in_float64(self, call: Call) -> Results:
        return self.at_large(call)


def planes(call: Call) -> Planes:
    """The call's operation, which has to be one on planes."""
    assert isinstance(call.its, Planes)
    return call.its
