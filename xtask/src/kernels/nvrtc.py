"""Compiles one CUDA source to PTX: nvrtc.py LIBRARY_FOLDER INCLUDE_FOLDER SOURCE OPTION... ; the PTX goes to standard output.

Called by `cargo xtask kernels`. NVRTC comes as a Python wheel, so Python is there wherever NVRTC is, and ctypes calls its six
functions without a line of unsafe Rust.
"""
import ctypes
import glob
import sys

folder, include, source, *options = sys.argv[1:]
# NVRTC looks for its builtins by name; loaded before, they are found wherever they lie.
for name in glob.glob(folder + "/libnvrtc-builtins.so*"):
    ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
nvrtc = ctypes.CDLL(glob.glob(folder + "/libnvrtc.so*")[0])
program = ctypes.c_void_p()


def call(function, *arguments):
    status = getattr(nvrtc, function)(*arguments)
    if status != 0:
        sys.exit(f"{function} failed with status {status}\n{log()}")


def text(size_function, function):
    size = ctypes.c_size_t()
    call(size_function, program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    call(function, program, buffer)
    return buffer.value.decode()


def log():
    return text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog") if program else ""


with open(source, "rb") as file:
    code = file.read()
# The name goes into messages only; the file's last part keeps the result free of this machine's paths.
call("nvrtcCreateProgram", ctypes.byref(program), code, source.rsplit("/", 1)[-1].encode(), 0, None, None)
options = [option.encode() for option in [*options, "--include-path=" + include]]
call("nvrtcCompileProgram", program, len(options), (ctypes.c_char_p * len(options))(*options))
sys.stderr.write(log())
sys.stdout.write(text("nvrtcGetPTXSize", "nvrtcGetPTX"))
