"""Runs a reference net and softmax in onnxruntime or PyTorch and prints the speed, one JSON line for the warm-up and each repetition."""

from repetitions import flags as common_flags, repeat


def main():
    parser = common_flags(__doc__, None)
    parser.add_argument("--engine", choices=["onnxruntime", "pytorch", "export"], required=True)
    parser.add_argument("--onnx", help="the exported net: written by `export`, read by `onnxruntime`")
    flags = parser.parse_args()
    {"onnxruntime": onnxruntime, "pytorch": pytorch, "export": export}[flags.engine](flags)


def onnxruntime(flags):
    # Without PyTorch in the same process: its memory and its threads would count as onnxruntime's.
    import numpy
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = flags.threads, 1
    session = ort.InferenceSession(flags.onnx, options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    images = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)
    repeat(flags, lambda _: session.run(None, {"data": images}))


def pytorch(flags):
    import torch
    from nets import noise

    torch.set_num_threads(flags.threads)
    net = with_softmax(flags).to(memory_format=torch.channels_last)
    images = noise(flags.net, flags.batch)[0].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        repeat(flags, lambda _: net(images).numpy())


def export(flags):
    import torch
    from nets import noise

    images = noise(flags.net, flags.batch)[0]
    torch.onnx.export(with_softmax(flags), (images,), flags.onnx, input_names=["data"], dynamo=False)


def with_softmax(flags):
    import torch
    from nets import NETS

    torch.manual_seed(0)
    return torch.nn.Sequential(NETS[flags.net][0](), torch.nn.Softmax(dim=1)).eval()


if __name__ == "__main__":
    main()
