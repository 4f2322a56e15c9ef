"""Numba's code generator, with the functions that an entry point calls linked into it only.

Numba optimises and assembles every function by itself, then again inside each function that calls
it, and the body of a parallel loop four times more (loop, two wrappers, caller). Here the functions
that an entry point calls, its loops and Numba's own functions are translated to LLVM's
representation, simplified one by one, and linked into it; it is optimised and assembled once.

This replaces methods of Numba that are not public: `compilation.py` imports it with versions that
it was tested with, and with no other.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import CPUDispatcher

_njit: Any = numba.njit  # its stub lacks the options about wrappers


class Linked(JITCodeLibrary):
    """A function that is linked into others as it is, and optimised and assembled only if its
    address is asked for."""

    _assembled = False

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        """An entry point that is read from Numba's cache while another one is compiled: it is
        assembled, and Python may call it."""
        kind, codegen._library_class = codegen._library_class, JITCodeLibrary
        try:
            return JITCodeLibrary._unserialize(codegen, state)
        finally:
            codegen._library_class = kind

    def finalize(self) -> None:
        """Link what it calls."""
        self._raise_if_finalized()
        on_load: set[Any] = getattr(self, "_reload_init", set())  # since Numba 0.63
        for library in dict.fromkeys(self._linking_libraries):
            on_load |= getattr(library, "_reload_init", set())
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Address of a function, 0 where there is none.

        Numba asks for the wrapper for Python even of a parallel loop's body, where it is not used.
        """
        if not self._defines(name) or self.name.startswith("__numba_parfor_gufunc"):
            return 0
        self._assemble()
        return int(super().get_pointer_to_function(name))

    def _get_compiled_object(self) -> Any:
        """For Numba's cache, of a function under plain `numba.njit(cache=True)`."""
        self._assemble()
        return super()._get_compiled_object()

    def _assemble(self) -> None:
        if not self._assembled:
            self._assembled = True
            self._optimize_final_module()
            self._finalize_final_module()

    def _defines(self, name: str) -> bool:
        try:
            return not self._final_module.get_function(name).is_declaration
        except NameError:
            return False


class Optimised(Linked):
    """A function that is optimised by itself too, before it is linked."""

    def finalize(self) -> None:
        super().finalize()
        self._optimize_final_module()


class EntryCompiler(compiler.Compiler):
    """Numba's compiler, with all libraries but the function's own only linked."""

    def _compile_core(self) -> Any:
        codegen = self.state.targetctx.codegen()
        _set_library(self.state, JITCodeLibrary)
        with _linked_only(codegen), _without_collection():
            return super()._compile_core()


class OptimisingCompiler(compiler.Compiler):
    """Numba's compiler; in an entry point it makes `Optimised` libraries."""

    def _compile_core(self) -> Any:
        if self.state.targetctx.codegen()._library_class is Linked:
            _set_library(self.state, Optimised)
        return super()._compile_core()


def _set_library(state: Any, kind: type[JITCodeLibrary]) -> None:
    """What Numba's lowering does where there is no library yet, with one of its own kind."""
    state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
    state.library.enable_object_caching()


@contextmanager
def _linked_only(codegen: Any) -> Iterator[None]:
    """Libraries that `codegen` makes are `Linked`. Numba compiles under a lock, on one thread."""
    kind, bind = codegen._library_class, codegen.set_env

    def set_env(name: str, environment: Any) -> None:
        if not codegen._engine.get_global_value_address(name):
            _reserve(codegen, name)
        bind(name, environment)

    codegen._library_class, codegen.set_env = Linked, set_env
    try:
        yield
    finally:
        codegen._library_class, codegen.set_env = kind, bind


def _reserve(codegen: Any, name: str) -> None:
    """The global variable `name` in memory: of a function that is only linked there is none yet,
    and Numba writes its environment to it."""
    module = codegen._create_empty_module(name)
    pointer = ir.IntType(8).as_pointer()
    variable = ir.GlobalVariable(module, pointer, name)
    variable.initializer = ir.Constant(pointer, None)
    codegen._add_module(binding.parse_assembly(str(module)))
    codegen._engine.finalize_object()


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection: the search for cycles takes a sixth of the compiler's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Subroutine(CPUDispatcher):
    """A function without a wrapper for Python, which therefore has no address to call.

    Called from Python all the same, in a test or at a prompt, it is compiled once more, as Numba
    compiles any function.
    """

    @classmethod
    def of(cls, dispatcher: Any) -> Any:
        """What `numba.njit` made, as a subroutine; a function where Numba is switched off."""
        if isinstance(dispatcher, CPUDispatcher):
            dispatcher.__class__ = cls
        return dispatcher

    def add_overload(self, compiled: Any) -> None:
        """Keeps the code for compiled callers alone: Numba's table is of addresses for Python."""
        self.overloads[tuple(compiled.signature.args)] = compiled

    def _compile_for_args(self, *arguments: Any, **keywords: Any) -> Any:
        """What Python calls, as Numba asks for it where its table has no address."""
        if "alone" not in vars(self):
            self.alone = _njit(self.py_func)
        return self.alone
