#!/usr/bin/env python3
"""One tower of an open_clip directory on another engine, for compare.py. Waits for numbers of iterations on standard
input, a line each, and answers each with the seconds that passed and the processor's seconds of every one, as JSON.

    echo 5 | python3 peers.py --engine openvino --model ViT-B-32 --batch-size 32 --precision bfloat16 --threads 2

Engines: onnxruntime (float32, and int8 by its dynamic quantisation), openvino and torch (float32, bfloat16). The inputs are those that `clip bench` makes.
Needs torch, open_clip_torch, and onnx with onnxruntime or openvino.
"""
import argparse
import contextlib
import json
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import torch


class Tower(torch.nn.Module):
    def __init__(self, model, is_image):
        super().__init__()
        self.model, self.is_image = model, is_image

    def forward(self, x):
        encode = self.model.encode_image if self.is_image else self.model.encode_text
        return encode(x, normalize=True)


def random_bits(count):
    """The generator of `clip bench`, Knuth's MMIX, for all positions at once, from the state 1."""
    a, c = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
    factors, terms = np.ones(1, np.uint64), np.zeros(1, np.uint64)  # state n is factors[n] * state 0 + terms[n]
    with np.errstate(over="ignore"):
        while len(factors) <= count:
            factors, terms = np.concatenate([factors, factors * a]), np.concatenate([terms, terms * a + c])
            a, c = a * a, a * c + c
        return (factors + terms)[1 : count + 1] >> np.uint64(33)


def inputs(model, arguments):
    if arguments.tower == "image":
        size = model.visual.image_size
        height, width = size if isinstance(size, tuple) else (size, size)
        shape = (arguments.batch_size, 3, height, width)
        bits = random_bits(int(np.prod(shape))).astype(np.float32)
        return ((bits / np.float32(1 << 31) - np.float32(0.5)) * np.float32(3.46)).reshape(shape)
    length = arguments.length or model.context_length
    last = model.vocab_size - 1
    ids = np.full((arguments.batch_size, length), last, np.int64)
    bits = random_bits(arguments.batch_size * (length - 1)) % np.uint64(last)
    ids[:, :-1] = bits.reshape(arguments.batch_size, length - 1)
    return np.pad(ids, ((0, 0), (0, model.context_length - length)))  # as open_clip's tokenizer does


def torch_runner(tower, example, arguments):
    torch.set_num_threads(arguments.threads)
    tensor = torch.from_numpy(example)
    if arguments.precision == "bfloat16":
        tower = tower.to(torch.bfloat16)
        tensor = tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor

    def run():
        with torch.inference_mode():
            return tower(tensor).float().numpy()

    return run


def openvino_runner(tower, example, arguments):
    import openvino

    torch.backends.mha.set_fastpath_enabled(False)  # one operator that converters do not know
    with torch.no_grad():
        shape = [openvino.PartialShape(list(example.shape))]
        converted = openvino.convert_model(tower, example_input=torch.from_numpy(example), input=shape)
    options = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[arguments.precision],
        "INFERENCE_NUM_THREADS": arguments.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(converted, "CPU", options).create_infer_request()
    return lambda: request.infer([example], share_inputs=True)[0]


def onnxruntime_runner(tower, example, arguments):
    import onnxruntime

    if arguments.precision == "bfloat16":
        sys.exit("ONNX Runtime does not compute in bfloat16 on processors")
    torch.backends.mha.set_fastpath_enabled(False)
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "tower.onnx")
        with torch.no_grad(), contextlib.redirect_stdout(sys.stderr):
            torch.onnx.export(tower, (torch.from_numpy(example),), path, opset_version=17, dynamo=False)
        if arguments.precision == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic
            from onnxruntime.quantization.shape_inference import quant_pre_process

            with contextlib.redirect_stdout(sys.stderr):
                quant_pre_process(path, path, skip_symbolic_shape=True)
                quantize_dynamic(path, path, per_channel=True, weight_type=QuantType.QInt8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        options.add_session_config_entry("session.intra_op.allow_spinning", arguments.spin)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: example})[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["onnxruntime", "openvino", "torch"], required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tower", choices=["image", "text"], default="image")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int)
    parser.add_argument("--precision", choices=["float32", "bfloat16", "int8"], default="float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--spin", choices=["0", "1"], default="1", help="whether ONNX Runtime's idle threads spin")
    parser.add_argument("--vectors", help="writes the vectors of the first run to this .npy file")
    arguments = parser.parse_args()

    import open_clip

    model = open_clip.create_model(f"local-dir:{arguments.model}").eval()
    example = inputs(model, arguments)
    runner = {"torch": torch_runner, "openvino": openvino_runner, "onnxruntime": onnxruntime_runner}[arguments.engine]
    run = runner(Tower(model, arguments.tower == "image").eval(), example, arguments)
    vectors = run()  # the first run is not counted
    if arguments.vectors:
        np.save(arguments.vectors, vectors)
    print(json.dumps({"ready": arguments.engine}), flush=True)
    for line in sys.stdin:
        seconds, processor = [], []
        for _ in range(int(line)):
            begin, processor_begin = time.perf_counter(), time.process_time()
            run()
            processor.append(time.process_time() - processor_begin)
            seconds.append(time.perf_counter() - begin)
        print(json.dumps({"seconds": seconds, "processor_seconds": processor}), flush=True)


if __name__ == "__main__":
    main()
