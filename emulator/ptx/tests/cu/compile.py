"""Compiles the .cu files of this folder to PTX with the NVRTC wheel: python compile.py SITE_PACKAGES

SITE_PACKAGES is the folder into which `pip install nvidia-cuda-nvrtc-cu11==11.8.89` has put its files.
"""
import ctypes
import pathlib
import sys


def main(site_packages):
    root = pathlib.Path(site_packages)
    for library in root.rglob("libnvrtc-builtins.so*"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    nvrtc = ctypes.CDLL(str(next(root.rglob("libnvrtc.so*"))))
    here = pathlib.Path(__file__).parent
    header = (here / "common.cuh").read_text()
    for source in sorted(here.glob("*.cu")):
        text = source.read_text().replace('#include "common.cuh"', header)
        source.with_suffix(".ptx").write_bytes(compile(nvrtc, source.name, text.encode()))


def compile(nvrtc, name, text):
    program = ctypes.c_void_p()
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, name.encode(), 0, None, None))
    options = [b"--gpu-architecture=compute_50", b"--std=c++14", b"-default-device"]
    failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    log = fetch(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
    if failed:
        sys.exit(log.decode())
    return fetch(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)


def fetch(get_size, get, program):
    size = ctypes.c_size_t()
    check(get_size(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    check(get(program, buffer))
    return buffer.raw[:-1]


def check(status):
    if status:
        sys.exit(f"NVRTC status {status}")


if __name__ == "__main__":
    main(sys.argv[1])
