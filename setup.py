"""Install minidl, kernels, zfnet and bench."""

from pathlib import Path

from setuptools import find_packages, setup

PINNED_TORCH = "torch==2.13.0"

VERIFY = ["hypothesis>=6.100"]
# What `python -m kernels cuda-report` compiles and disassembles with; PyPI has no nvdisasm 13.0.
CUDA_REPORT = [
    "nvidia-cuda-nvrtc==13.0.*; sys_platform == 'linux'",
    "nvidia-cuda-nvdisasm>=13.2,<14; sys_platform == 'linux'",
]
# The library of Numba's TBB threading layer (`kernels/contract/layer.py`); others take OpenMP.
TBB = "tbb>=2021.6; platform_machine == 'x86_64' and sys_platform == 'linux'"
# Training in several processes: MPICH's library and its mpiexec come from PyPI too.
MPI = ["mpi4py>=4.1", "mpich>=4.3; sys_platform == 'linux'"]
# The engines that `python -m bench` compares with; ncnn reads what pnnx makes of an ONNX file.
BENCH = [
    PINNED_TORCH,
    "onnx>=1.21",
    "onnxruntime>=1.20",
    "openvino>=2025.0",
    "ncnn>=1.0.20250916",
    "pnnx>=20250916",
]
TEST = [
    "pytest>=8",
    "ruff>=0.9",
    "mypy>=1.14",
    PINNED_TORCH,
    "captum>=0.9",
    "zennit>=0.5.1",
    "torchvision==0.28.0",  # zennit imports it; the release for that torch
    "onnx>=1.21",
    "onnxruntime>=1.20",
    "onnxscript>=0.7",
    "nbclient>=0.10",
    "nbformat>=5.10",
    "ipykernel>=6.29",
    # Drives Debian's Chromium in the tests of pages; it downloads no browser of its own.
    "playwright>=1.50",
    "httpx>=0.27",  # Starlette's test client
    *VERIFY,
    *CUDA_REPORT,
    *MPI,
]

setup(
    name="minidl-zfnet",
    version="0.1.0",
    description="A convolutional network that you can see through: ZFNet and its deconvnet "
    "on a small autograd engine with readable kernels.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["minidl*", "kernels*", "zfnet*", "bench*"]),
        "pytest_kernels",
    ],
    # A name of its own for the plugin: pytest imports it in every run, and `kernels` with it if it
    # were within that package, which takes seconds.
    package_dir={"pytest_kernels": "kernels/verify/plugin"},
    package_data={
        "kernels": ["**/*.cu", "**/*.cuh", "**/*.h", "**/*.cpp"],
        "zfnet": [
            "report/*.html",
            "report/*.css",
            "report/*.js",
            "look/page/**/*.html",
            "look/page/**/*.css",
            "look/page/**/*.js",
            "pretrained/*.safetensors",
            "pretrained/log.jsonl",
            "pretrained/curve.svg",
            "pretrained/CARD.md",
        ],
    },
    install_requires=[
        "numpy>=2.0",
        "scipy>=1.13",
        "numba>=0.62",
        TBB,
        "threadpoolctl>=3.5",
        "pillow>=11",
        "safetensors>=0.5",
        "typer>=0.15",
        "rich>=13.9",
        "matplotlib>=3.9",
        "scikit-learn>=1.5",
        # The live page's server (`zfnet look`); both are pure Python.
        "starlette>=0.40",
        "uvicorn>=0.30",
    ],
    extras_require={
        "test": TEST,
        "verify": VERIFY,
        "onnx": ["onnx>=1.21"],
        "mpi": MPI,
        "bench": BENCH,
        "cuda12": ["cupy-cuda12x>=13"],
        "cuda13": ["cupy-cuda13x>=13.6"],
    },
    entry_points={
        "console_scripts": ["zfnet=zfnet.cli:main"],
        "pytest11": ["pytest_kernels=pytest_kernels"],
    },
)
