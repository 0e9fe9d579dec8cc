"""Runs the models that `cargo run -p exchange --example onnx-cases -- FOLDER` has written in onnxruntime, and compares every output
with ours. Usage: check_onnx.py FOLDER"""
import pathlib
import sys

import numpy
import onnx
import onnxruntime

TOLERANCE = 1e-5

folder = pathlib.Path(sys.argv[1])
models = sorted(folder.glob("*.onnx"))
assert len(models) > 20, f"only {len(models)} models in {folder}"
worst = (0.0, "nothing")
for path in models:
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with numpy.load(path.with_suffix(".npz")) as ours:
        inputs = {given.name: ours[given.name] for given in session.get_inputs()}
        names = [output.name for output in session.get_outputs()]
        assert names, f"{path.name} gives nothing"
        for name, theirs in zip(names, session.run(names, inputs)):
            assert theirs.shape == ours[name].shape, f"{path.name}: {name} is {theirs.shape}, ours {ours[name].shape}"
            error = numpy.abs(theirs - ours[name]).max() / max(1.0, numpy.abs(ours[name]).max())
            assert error <= TOLERANCE, f"{path.name}: {name} differs by {error}"
            worst = max(worst, (float(error), f"{path.stem} {name}"))
print(f"{len(models)} models agree with onnxruntime {onnxruntime.__version__}; the largest error is {worst[0]:.1e} ({worst[1]})")
print("not exportable:", ", ".join((folder / "refused.txt").read_text().split()) or "none")
