"""The CUDA report's reading of logs and machine code of kernels whose source is known."""

from __future__ import annotations

import pytest

from kernels.cuda import disassembly, loops, nvrtc
from tests.shared.cuda_compiling import ARCHITECTURES, compiled, needs_compiler

LOG = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5firstIfEvPT_' for 'sm_80'
ptxas info    : Function properties for _Z5firstIfEvPT_
ptxas         .     824 bytes stack frame, 1116 bytes spill stores, 1144 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 824 bytes cumulative stack size, 8192 bytes smem
ptxas info    : Compiling entry function 'second' for 'sm_80'
ptxas info    : Function properties for second
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 19 registers, used 0 barriers, 364 bytes cmem[0]
ptxas info    : Function properties for _Z6helperPKfi
ptxas         .     16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
"""

SASS = """\
	.section	.text.inner,"ax",@progbits
.text.inner:
        .type           inner,@function
inner:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_0:
        /*0010*/                   LDG.E.128.CONSTANT R4, [R2.64] ;
        /*0020*/                   BSSY B0, `(.L_x_3) ;
        /*0030*/              @!P2 BRA `(.L_x_4) ;
.L_x_1:
        /*0040*/                   LDS.128 R8, [R1] ;
        /*0050*/                   FFMA R4, R8, R9.reuse, R4 ;
        /*0060*/               @P0 BRA `(.L_x_1) ;
.L_x_2:
        /*0070*/                   BSYNC B0 ;
.L_x_4:
        /*0080*/                   STS [R1], R4 ;
        /*0090*/                   BSYNC B0 ;
.L_x_3:
        /*00a0*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ;
        /*00b0*/               @P3 BRA `(.L_x_6) ;
.L_x_5:
        /*00c0*/               @P1 BRA `(.L_x_0) ;
        /*00d0*/                   STG.E [R2.64], R4 ;
        /*00e0*/                   EXIT ;
.L_x_6:
        /*00f0*/                   LDG.E R5, [R2.64] ;
        /*0100*/                   BRA `(.L_x_5) ;
.L_x_7:
        /*0110*/                   BRA `(.L_x_7);
	.section	.text.other,"ax",@progbits
other:
        /*0000*/                   EXIT ;
"""
"""A loop in a loop; the outer one has a branch that meets itself again, and a part out of line."""


def test_a_log_gives_registers_shared_memory_and_spills_of_each_kernel() -> None:
    found = nvrtc.resources(LOG)
    assert found["_Z5firstIfEvPT_"] == nvrtc.Resources(32, 8192, 824, 1116 + 1144)


def test_what_a_called_function_spills_is_its_callers() -> None:
    assert nvrtc.resources(LOG)["second"] == nvrtc.Resources(19, 0, 16, 4 + 8)


def test_every_instruction_of_every_section_is_read() -> None:
    code = disassembly.kernels_of(SASS)
    assert {name: len(instructions) for name, instructions in code.items()} == {
        "inner": 0x110 // 16 + 1,
        "other": 1,
    }


def test_an_instruction_is_taken_apart() -> None:
    load = disassembly.kernels_of(SASS)["inner"][1]
    assert (load.parts, load.bits) == (("LDG", "E", "128", "CONSTANT"), 128)
    branch = disassembly.kernels_of(SASS)["inner"][3]
    assert (branch.guard, branch.targets) == ("!P2", (0x80,))


def test_an_outer_loop_has_what_is_out_of_line_and_not_what_an_inner_loop_has() -> None:
    graph = loops.Graph(disassembly.kernels_of(SASS)["inner"])
    outer, inner = graph.loops()
    own = loops.count(i for block in outer.own for i in graph.blocks[block])
    assert own == loops.Counts(
        instructions=11, shared_stores=1, global_loads={32: 1, 128: 1}, barriers=1
    )
    assert loops.count(i for block in inner.own for i in graph.blocks[block]).instructions == 3


def test_the_main_loop_is_the_innermost_with_multiply_adds() -> None:
    found = loops.main_loop(disassembly.kernels_of(SASS)["inner"])
    assert found == loops.Counts(instructions=3, fma=1, shared_loads=1)


def test_a_loop_that_is_never_reached_is_none() -> None:
    assert loops.main_loop(disassembly.kernels_of(SASS)["other"]) is None


@needs_compiler
@pytest.mark.parametrize("arch", ARCHITECTURES)
class TestCompiled:
    """Expected numbers are counted in `tests/kernels/cuda/examples.cu`."""

    def test_a_tiles_product_is_counted_as_it_is_written(self, arch: str) -> None:
        loop = loops.main_loop(compiled("product<float>", arch).code)
        assert loop is not None
        assert (loop.fma, loop.shared_loads, loop.barriers) == (8 * 4 * 4, 8 * 2, 1)
        assert loop.fma_per_shared_load == 8

    def test_a_double_takes_twice_the_loads_from_shared_memory(self, arch: str) -> None:
        loop = loops.main_loop(compiled("product<double>", arch).code)
        assert loop is not None
        assert (loop.fma, loop.shared_loads) == (8 * 4 * 4, 2 * 8 * 2)

    def test_static_shared_memory_is_what_is_declared(self, arch: str) -> None:
        assert compiled("product<float>", arch).resources.shared == 2 * 2 * 8 * 64 * 4

    @pytest.mark.parametrize(
        ("instance", "bits"),
        [("copy<float4>", 128), ("copy<double2>", 128), ("copy<float>", 32), ("copy<short>", 16)],
    )
    def test_a_loads_width_is_its_types(self, arch: str, instance: str, bits: int) -> None:
        loop = loops.main_loop(compiled(instance, arch).code)
        assert loop is not None
        assert (loop.global_loads, loop.global_stores, loop.fma) == ({bits: 1}, 1, 0)

    def test_an_inner_loop_is_the_main_one_though_the_outer_one_multiplies_more(
        self, arch: str
    ) -> None:
        loop = loops.main_loop(compiled("nested", arch).code)
        assert loop is not None
        assert (loop.fma, loop.global_loads) == (2, {32: 1})

    def test_an_inner_loop_that_only_adds_is_the_main_one(self, arch: str) -> None:
        loop = loops.main_loop(compiled("average", arch).code)
        assert loop is not None
        assert (loop.fma, loop.global_loads) == (0, {32: 1})

    def test_a_loop_in_a_function_that_is_called_is_found(self, arch: str) -> None:
        loop = loops.main_loop(compiled("calling", arch).code)
        assert loop is not None
        assert (loop.fma, loop.global_loads) == (1, {32: 1})

    def test_what_has_no_loop_has_no_main_loop(self, arch: str) -> None:
        assert loops.main_loop(compiled("straight", arch).code) is None

    def test_more_values_than_registers_spill_and_the_loop_has_the_loads(self, arch: str) -> None:
        crowded = compiled("crowded", arch)
        loop = loops.main_loop(crowded.code)
        assert loop is not None
        assert crowded.resources.registers <= 65536 // 2048
        assert crowded.resources.spills > 0
        assert loop.local > 0

    def test_an_indexed_array_is_no_spill(self, arch: str) -> None:
        indexed = compiled("indexed", arch).resources
        assert (indexed.stack, indexed.spills) == (400, 0)
