"""Contenders that run a network from an ONNX file: ONNX Runtime, OpenVINO and ncnn, in float32.

OpenVINO may compute in bfloat16 where the processor can, and ncnn in float16: both are told not to.
ncnn has its own format, which pnnx, its authors' converter, makes of the file; it computes one
image at a time. Each engine's package is imported in its own worker alone.
"""

from __future__ import annotations

import importlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], np.ndarray]
Engine = Callable[[Path, np.ndarray, int], Run]


def prepared(library: str, file: Path, x: np.ndarray, threads: int) -> Run:
    """The engine `library` with a network from `file`: a call gives the result for images x
    (N,C,H,W)."""
    return ENGINES[library](file, np.ascontiguousarray(x), threads)


def session(model: bytes | str, threads: int, **others: Any) -> Any:
    """ONNX Runtime's session on the CPU; `others` are attributes of its options."""
    onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    for name, value in others.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


def _onnxruntime(file: Path, x: np.ndarray, threads: int) -> Run:
    made = session(str(file), threads)
    feeds = {made.get_inputs()[0].name: x}
    wanted = [made.get_outputs()[0].name]
    return lambda: made.run(wanted, feeds)[0]


def _openvino(file: Path, x: np.ndarray, threads: int) -> Run:
    openvino: Any = importlib.import_module("openvino")
    core = openvino.Core()
    model = core.read_model(str(file))
    model.reshape({model.input(0): list(x.shape)})
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: x})[0]


def _ncnn(file: Path, x: np.ndarray, threads: int) -> Run:
    ncnn: Any = importlib.import_module("ncnn")
    net = ncnn.Net()
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, name, False)
    net.opt.use_vulkan_compute, net.opt.num_threads = False, threads
    with tempfile.TemporaryDirectory() as folder:
        parameters, weights = _converted(file, x.shape, Path(folder))
        if net.load_param(str(parameters)) or net.load_model(str(weights)):
            raise ValueError("ncnn does not load the file that its converter made")
    images = [np.ascontiguousarray(image) for image in x]

    def run() -> np.ndarray:
        return np.stack([_one_image(ncnn, net, image) for image in images])

    return run


def _one_image(ncnn: Any, net: Any, image: np.ndarray) -> np.ndarray:
    """The result for an image (C,H,W)."""
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(image))
    status, result = extractor.extract("out0")
    if status:
        raise ValueError(f"ncnn cannot run the network: status {status}")
    return np.array(result)


def _converted(file: Path, shape: tuple[int, ...], folder: Path) -> tuple[Path, Path]:
    """ncnn's two files of the network; ValueError if the converter makes none, or leaves an
    operator that ncnn has not."""
    pnnx: Any = importlib.import_module("pnnx")
    copy = folder / "network.onnx"  # the converter writes beside the file
    copy.symlink_to(file.resolve())
    sizes = ",".join(map(str, (1, *shape[1:])))
    command = [pnnx.EXEC_PATH, str(copy), f"inputshape=[{sizes}]", "fp16=0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    made = folder / "network.ncnn.param", folder / "network.ncnn.bin"
    if ended.returncode or not all(part.is_file() for part in made):
        lines = [line for line in (ended.stderr + ended.stdout).splitlines() if line.strip()]
        raise ValueError(
            f"ncnn's converter cannot read the network: {(lines or ['no reason'])[-1]}"
        )
    kinds = {line.split()[0] for line in made[0].read_text().splitlines()[2:]}
    foreign = sorted(kind for kind in kinds if "." in kind or "_" in kind)
    if foreign:
        raise ValueError(f"ncnn has no layer for {', '.join(foreign)}")
    return made


ENGINES: dict[str, Engine] = {"onnxruntime": _onnxruntime, "openvino": _openvino, "ncnn": _ncnn}
"""By the name of the library."""
