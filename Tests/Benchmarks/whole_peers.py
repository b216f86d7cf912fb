#!/usr/bin/env python3
"""The jobs of whole.py as a Python programmer would do them: open_clip's models, preprocessing and tokenizer, and the engines
of peers.py. Each job prints one JSON object; `seconds` leaves start-up, loading and compiling out, but for `start`.

    python3 whole_peers.py start MODEL                 # one text, from nothing to a vector
    python3 whole_peers.py captions MODEL TEXTS        # texts padded to the context, the encoder's time alone
    python3 whole_peers.py pictures MODEL PICTURES OUT # JPEG files to JSON lines, with a DataLoader
    python3 whole_peers.py rank VECTORS QUERIES        # faiss's flat index over .npy files
"""
import argparse
import json
import os
import pathlib
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("job", choices=["start", "captions", "pictures", "rank"])
parser.add_argument("paths", nargs="+", type=pathlib.Path)
parser.add_argument("--engine", choices=["onnxruntime", "openvino", "torch"], default="openvino")
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--vectors", help="writes the vectors to this .npy file")
arguments = parser.parse_args()


def start(model_folder):
    import open_clip
    import torch

    torch.set_num_threads(arguments.threads)
    model = open_clip.create_model(f"local-dir:{model_folder}").eval()
    ids = open_clip.tokenizer.SimpleTokenizer()(["a photo of a cat"])
    with torch.inference_mode():
        return {"vector": model.encode_text(ids, normalize=True)[0].tolist()}


def engine(model_folder, example, is_image):
    """The model, and a function that runs one tower on batches like `example`."""
    import open_clip
    import peers

    model = open_clip.create_model(f"local-dir:{model_folder}").eval()
    runner = {"torch": peers.torch_runner, "openvino": peers.openvino_runner, "onnxruntime": peers.onnxruntime_runner}
    options = argparse.Namespace(precision=arguments.precision, threads=arguments.threads, spin="1")
    return runner[arguments.engine](peers.Tower(model, is_image).eval(), example, options)


def captions(model_folder, texts):
    import numpy as np
    import open_clip

    lines = texts.read_text().splitlines()
    ids = open_clip.tokenizer.SimpleTokenizer()(lines).numpy()
    size, vectors, seconds = arguments.batch_size, [], 0
    run = engine(model_folder, ids[:size], False)
    run(ids[:size])
    for first in range(0, len(ids), size):
        batch = ids[first : first + size]
        batch = np.concatenate([batch, batch[:1].repeat(size - len(batch), 0)])
        begin = time.perf_counter()
        vectors.append(np.array(run(batch)))
        seconds += time.perf_counter() - begin
    if arguments.vectors:
        np.save(arguments.vectors, np.concatenate(vectors)[: len(ids)])
    return {"seconds": seconds}


def pictures(model_folder, list_of_paths, output):
    import numpy as np
    import open_clip
    import torch
    from PIL import Image

    config = json.loads((model_folder / "open_clip_config.json").read_text())
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    preprocess = open_clip.image_transform(
        size, is_train=False, **{key: tuple(config["preprocess_cfg"][key]) for key in ("mean", "std")})
    paths = list_of_paths.read_text().splitlines()

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, index):
            return preprocess(Image.open(paths[index]))

    example = np.zeros((arguments.batch_size, 3, size, size), np.float32)
    run = engine(model_folder, example, True)
    run(example)
    begin = time.perf_counter()
    loader = torch.utils.data.DataLoader(Pictures(), batch_size=arguments.batch_size, num_workers=arguments.threads)
    with open(output, "w") as out:
        done = 0
        for images in loader:
            images = images.numpy()
            count = len(images)
            images = np.concatenate([images, np.zeros((arguments.batch_size - count, *images.shape[1:]), np.float32)])
            for vector in run(images)[:count]:
                record = {"id": str(done + 1), "path": paths[done], "embedding": [float(value) for value in vector]}
                out.write(json.dumps(record) + "\n")
                done += 1
    return {"seconds": time.perf_counter() - begin}


def rank(vectors, queries):
    import faiss
    import numpy as np

    faiss.omp_set_num_threads(arguments.threads)
    index = faiss.IndexFlatIP(np.load(queries).shape[1])
    index.add(np.load(vectors))
    asked = np.load(queries)
    index.search(asked[:1], 10)
    begin = time.perf_counter()
    index.search(asked, 10)
    return {"seconds": time.perf_counter() - begin}


print(json.dumps({"start": start, "captions": captions, "pictures": pictures, "rank": rank}[arguments.job](*arguments.paths)))
