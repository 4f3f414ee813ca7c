"""Compiles gsplat's kernels into its package, so that whoever runs it needs neither nvcc nor a compiler.

python tools/compile_gsplat.py --architectures "8.0;9.0+PTX" --into SITE_PACKAGES/gsplat

gsplat looks for a compiled module `csrc` in itself before it compiles one (gsplat/cuda/_backend.py). The flags are what
it would use then. nvcc, its headers and the runtime come from PyPI (cuda-toolkit[nvcc,cccl,cudart] of torch's CUDA).
Needs no GPU.
"""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Read the arguments, set what torch looks at, compile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", required=True, help="as in TORCH_CUDA_ARCH_LIST")
    parser.add_argument("--into", type=Path, required=True, help="folder of the installed package gsplat")
    arguments = parser.parse_args()
    os.environ["TORCH_CUDA_ARCH_LIST"] = arguments.architectures
    os.environ["CUDA_HOME"] = str(toolkit())
    compile_into(arguments.into)


def toolkit() -> Path:
    """The folder of NVIDIA's packages, with the name that a linker looks for beside each versioned library."""
    nvidia = find_spec("nvidia")
    if nvidia is None or not nvidia.submodule_search_locations:
        raise SystemExit("cuda-toolkit[nvcc,cccl,cudart] is not installed here")
    folder = next(Path(nvidia.submodule_search_locations[0]).glob("cu[0-9]*"))
    runtime = folder / "lib" / "libcudart.so"
    if not runtime.exists():
        runtime.symlink_to(next(runtime.parent.glob("libcudart.so.*")).name)
    return folder


def compile_into(package: Path) -> None:
    """``csrc`` beside the sources it is made of."""
    # Read after the environment is set: torch looks for the toolkit when it is imported.
    from setuptools import setup
    from torch.utils.cpp_extension import BuildExtension, CUDAExtension

    cuda = package / "cuda"
    sources = [*cuda.glob("csrc/*.cu"), *cuda.glob("csrc/*.cpp"), cuda / "ext.cpp"]
    extension = CUDAExtension(
        "csrc",
        sorted(map(str, sources)),
        include_dirs=[str(cuda / "include"), str(cuda / "csrc" / "third_party" / "glm")],
        extra_compile_args={"cxx": ["-O3", "-Wno-attributes"], "nvcc": ["-O3", "-use_fast_math"]},
    )
    setup(
        name="gsplat-kernels",
        ext_modules=[extension],
        cmdclass={"build_ext": BuildExtension},
        script_args=["build_ext", "--build-lib", str(package), "--build-temp", "build"],
    )


if __name__ == "__main__":
    main()
