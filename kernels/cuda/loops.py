"""Main loop of a kernel: found in its machine code, with its instructions counted.

    counts = loops.main_loop(code)      # None: no loop, all is unrolled
    counts.fma / counts.shared_loads    # multiply-adds for each load from shared memory

Jumps form a control-flow graph of basic blocks. A block dominates another if every path from the
entry to the other passes it. A jump back to a dominator closes a natural loop; its blocks are those
that reach the jump without passing the dominator (Aho, Lam, Sethi, Ullman: "Compilers", 2nd
edition, section 9.6). So code that the assembler moved out of line is counted in its loop, and
unrolling and software pipelining change the counts, not which blocks are a loop.

The main loop is chosen among the innermost loops that add or multiply: the one with the most
multiply-adds, then with the most arithmetic. If no loop computes, it is the one with the most loads
and stores. An inner loop's instructions are not counted as the outer one's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kernels.cuda.disassembly import Instruction

MULTIPLY_ADDS = ("FFMA", "DFMA")
MATRIX_PRODUCTS = ("HMMA", "DMMA", "HGMMA")
"""Tensor cores: hundreds of multiply-adds an instruction."""
ARITHMETIC = (*MATRIX_PRODUCTS, *MULTIPLY_ADDS, "FADD", "FMUL", "DADD", "DMUL")
MEMORY = ("LDG", "STG", "LDS", "STS", "LDL", "STL", "LDGSTS")


@dataclass(frozen=True)
class Counts:
    """Numbers of instructions by kind; a load counts as one, whatever its width.

    global_loads: width in bits -> loads from global memory, those to shared memory included.
    local:        loads and stores of local memory (spills, arrays indexed at run time).
    """

    instructions: int = 0
    fma: int = 0
    matrix: int = 0
    shared_loads: int = 0
    shared_stores: int = 0
    global_loads: dict[int, int] = field(default_factory=dict)
    global_stores: int = 0
    local: int = 0
    barriers: int = 0

    @property
    def fma_per_shared_load(self) -> float | None:
        """None where nothing is loaded from shared memory."""
        return self.fma / self.shared_loads if self.shared_loads else None


@dataclass(frozen=True)
class Loop:
    """The blocks of a natural loop; `own` are those in no inner loop."""

    head: int
    blocks: frozenset[int]
    own: frozenset[int]


def count(code: Iterable[Instruction]) -> Counts:
    """The instructions of `code`, counted by kind."""
    code = list(code)
    names = Counter(instruction.name for instruction in code)
    widths = Counter(i.bits for i in code if i.name in ("LDG", "LDGSTS"))
    return Counts(
        instructions=len(code),
        fma=sum(names[name] for name in MULTIPLY_ADDS),
        matrix=sum(names[name] for name in MATRIX_PRODUCTS),
        shared_loads=names["LDS"] + names["LDSM"],
        shared_stores=names["STS"],
        global_loads=dict(sorted(widths.items())),
        global_stores=names["STG"],
        local=names["LDL"] + names["STL"],
        barriers=names["BAR"],
    )


def main_loop(code: Sequence[Instruction]) -> Counts | None:
    """The counts of the main loop; None if the kernel has no loop."""
    graph = Graph(code)
    loops = {loop: [i for b in loop.own for i in graph.blocks[b]] for loop in graph.loops()}
    for names in (ARITHMETIC, MEMORY):
        able = [loop for loop, own in loops.items() if _how_many(names, own)]
        innermost = [a for a in able if not any(b.blocks < a.blocks for b in able)]
        if innermost:
            return count(max((loops[loop] for loop in innermost), key=_weight))
    return None


def _weight(code: Iterable[Instruction]) -> tuple[int, ...]:
    code = list(code)
    kinds = MATRIX_PRODUCTS, MULTIPLY_ADDS, ARITHMETIC, MEMORY
    return tuple(_how_many(names, code) for names in kinds)


def _how_many(names: Sequence[str], code: Iterable[Instruction]) -> int:
    return sum(instruction.name in names for instruction in code)


class Graph:
    """Control-flow graph of a kernel: basic blocks and their successors."""

    def __init__(self, code: Sequence[Instruction]) -> None:
        self.blocks = _blocks(code)
        self._at = {block[0].address: number for number, block in enumerate(self.blocks)}
        self._follows: dict[int, list[int]] = {}
        # A function that is called and not inlined is a root, like the kernel's entry.
        calls = [i for i in code if i.name == "CALL"]
        roots = [self._at[a] for a in (0, *_targets_of(calls)) if a in self._at]
        for root in roots:
            self._walk(root)
        self._dominators = _dominators(self._follows, roots)

    def loops(self) -> list[Loop]:
        """Every natural loop, in order of its header."""
        bodies: dict[int, set[int]] = {}
        for block, following in self._follows.items():
            for head in following:
                if self._dominators[block] >> head & 1:
                    bodies.setdefault(head, {head}).update(self._reaching(block, head))
        return [
            Loop(head, frozenset(body), frozenset(body - _inner(head, bodies)))
            for head, body in sorted(bodies.items())
        ]

    def _walk(self, root: int) -> None:
        """Record the successors of each block reachable from `root`.

        BSSY names the address where diverged threads reconverge, and BSYNC jumps there: the walk
        keeps the address of each barrier B0, B1, ...
        """
        waiting: list[tuple[int, dict[str, int]]] = [(root, {})]
        while waiting:
            number, meetings = waiting.pop()
            if number in self._follows:
                continue
            meetings = meetings | _meetings(self.blocks[number])
            addresses = _next(self.blocks[number][-1], meetings)
            following = [self._at[a] for a in addresses if a in self._at]
            self._follows[number] = following
            waiting += [(block, meetings) for block in following]

    def _reaching(self, block: int, head: int) -> set[int]:
        """The blocks from which `block` is reached without passing `head`."""
        found, waiting = {head}, [block]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += [b for b, following in self._follows.items() if number in following]
        return found


def _inner(head: int, bodies: dict[int, set[int]]) -> set[int]:
    """All blocks of the loops inside the one whose header is `head`."""
    return set().union(*(body for h, body in bodies.items() if h != head and h in bodies[head]))


_SIZE = 16
"""Bytes of an instruction since Volta."""
_JUMPS = ("BRA", "BRX", "JMP", "JMX", "BSYNC", "EXIT", "RET", "KILL")


def _blocks(code: Sequence[Instruction]) -> list[list[Instruction]]:
    """Basic blocks: split after every jump and call, and before every jump target."""
    begins = set(_targets_of(code))
    blocks: list[list[Instruction]] = []
    cut = True
    for instruction in code:
        if cut or instruction.address in begins:
            blocks.append([])
        blocks[-1].append(instruction)
        cut = instruction.name in _JUMPS
    return blocks


def _targets_of(code: Iterable[Instruction]) -> list[int]:
    return [target for i in code for target in i.targets]


def _meetings(block: Iterable[Instruction]) -> dict[str, int]:
    """Barrier -> the address where the threads that wait at it reconverge."""
    return {i.operands.split(",")[0]: i.targets[0] for i in block if i.name == "BSSY" and i.targets}


def _next(last: Instruction, meetings: dict[str, int]) -> list[int]:
    """The addresses that may follow the last instruction of a block."""
    after = last.address + _SIZE
    if last.name not in _JUMPS:
        return [after]
    goes: list[int] = []
    if last.name == "BSYNC":
        goes = [meetings.get(last.operands, after)]
    elif last.name not in ("EXIT", "RET", "KILL"):
        goes = list(last.targets)
    return [*goes, after] if _may_pass(last) else goes


def _may_pass(jump: Instruction) -> bool:
    """Whether threads may fall through: its predicate is a guard, or precedes the label."""
    before_label = jump.operands.split("`")[0].strip()
    return bool(jump.guard) or (jump.name == "BRA" and bool(before_label))


def _dominators(follows: dict[int, list[int]], roots: Iterable[int]) -> dict[int, int]:
    """Block -> the set of blocks that dominate it, bit n of an integer for block n."""
    everything = sum(1 << block for block in follows)
    found = dict.fromkeys(follows, everything) | {root: 1 << root for root in roots}
    changed = list(roots)
    while changed:
        block = changed.pop()
        for after in follows[block]:
            smaller = found[after] & (found[block] | 1 << after)
            if smaller != found[after]:
                found[after] = smaller
                changed.append(after)
    return found
