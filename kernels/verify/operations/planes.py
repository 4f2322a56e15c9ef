"""What the operations on planes have in common: every array begins with the axes N and C."""

from __future__ import annotations

from types import ModuleType

from kernels.verify.calls import Call, Operation, Results


class Planes(Operation):
    """`oracle` has a function of the operation's name, which bears the sizes that loops cannot."""

    oracle: ModuleType

    def at_large(self, call: Call) -> Results:
        """What whole arrays at once make of the call, in float64."""
        result = getattr(self.oracle, self.name)(*self.arguments(call), **call.options)
        return result if isinstance(result, tuple) else (result,)


def planes(call: Call) -> Planes:
    """The call's operation, which is one of these."""
    assert isinstance(call.its, Planes)
    return call.its
