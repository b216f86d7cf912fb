#!/usr/bin/env python3
"""Whole jobs, `clip` and Python in turn: a table of ratios, and a JSON file.

    python3 Tests/Benchmarks/whole.py --clip .build/release/clip --model build/ViT-B-32 --json whole.json \\
        start captions pictures rank

start     one text through the model from the shell, against open_clip: time, and peak memory.
captions  10,000 texts, against the best peer's encoder with texts padded to the context.
pictures  JPEG files to JSON lines on disk, against open_clip's preprocessing in a DataLoader and the best peer's engine.
rank      100 queries against vectors of 512 numbers in base64, against faiss's flat index in memory. Our products are the
          difference between ranking 100 queries and one, which leaves reading out.

Ours is the whole command, start-up included; theirs, but for `start`, leaves out start-up, loading and compiling. A ratio
is theirs over ours in one round: above 1, ours is the faster. The model is in open_clip's layout (full_size.py in
Tests/Fixtures/Published shows how one is made); pictures and vectors are made here, seeded. --python names an
interpreter that has the peers, such as the one that compare.py --install makes.
"""
import argparse
import base64
import json
import os
import pathlib
import random
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SUBJECTS = "a man|a woman|two dogs|a black cat|a group of people|a young boy in a red shirt|several cars|an old train"
VERBS = "sitting on|standing next to|walking past|looking at|playing with|in front of|on top of|riding near"
PLACES = "a wooden bench in the park|the beach|a kitchen counter with plates of food|a busy street at night|a fire hydrant"


def run(command, source=None, output=subprocess.DEVNULL):
    """Seconds of a command, the processor's seconds and its peak memory in bytes."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdin=source, stdout=output, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"{command[0]}: {errors.decode()}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_memory(command, source=None):
    """Peak resident memory in bytes, from a process of its own."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); " \
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], stdin=source, stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * 1024


def peer(job, *paths, engine="openvino", extra=()):
    command = [*arguments.python, HERE / "whole_peers.py", job, *paths, "--engine", engine, "--threads", arguments.threads]
    command += ["--precision", arguments.precision, *extra]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"whole_peers.py {job}: {done.stderr.decode()}")
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


def embed(*more):
    return [arguments.clip, "embed", "--model", arguments.model, "--threads", arguments.threads, "--precision",
            arguments.precision, *more]


def report(name, peer_name, own, theirs, **more):
    ratios = [b / a for a, b in zip(own, theirs)]
    return {"job": name, "peer": peer_name, "seconds": statistics.median(own), "peer_seconds": statistics.median(theirs),
            "ratio": {"minimum": min(ratios), "median": statistics.median(ratios), "maximum": max(ratios)}, **more}


def start(folder):
    text = folder / "text"
    text.write_text("a photo of a cat\n")
    theirs = [*arguments.python, HERE / "whole_peers.py", "start", arguments.model, "--threads", arguments.threads]
    seconds = [(run(embed(), open(text))[0], run(theirs)[0]) for _ in range(arguments.rounds)]
    memory = peak_memory(embed(), open(text)), peak_memory(theirs)
    return [report("start", "open_clip", *zip(*seconds), peak_bytes=memory[0], peer_peak_bytes=memory[1])]


def captions(folder):
    generator, texts = random.Random(1), folder / "captions"
    parts = [part.split("|") for part in (SUBJECTS, VERBS, PLACES)]
    texts.write_text("".join(" ".join(map(generator.choice, parts)) + "\n" for _ in range(arguments.captions)))
    engines = ["onnxruntime", "openvino"] if arguments.precision == "float32" else ["openvino"]
    own, theirs = [], {engine: [] for engine in engines}
    for _ in range(arguments.rounds):
        own.append(run(embed("--encoding", "base64"), open(texts))[0])
        for engine in engines:
            theirs[engine].append(
                peer("captions", arguments.model, texts, engine=engine, extra=["--vectors", folder / f"{engine}.npy"]))
    import numpy as np
    with open(folder / "out", "wb") as out:
        run(embed("--encoding", "base64"), open(texts), out)
    vectors = np.stack([
        np.frombuffer(base64.b64decode(json.loads(line)["embedding"]), np.float32) for line in open(folder / "out")])
    return [report("captions", engine, own, theirs[engine],
                   largest_difference=float(np.abs(vectors - np.load(folder / f"{engine}.npy")).max())) for engine in engines]


def pictures(folder):
    import numpy as np
    from PIL import Image
    generator, paths = np.random.default_rng(1), []
    for index in range(arguments.pictures):
        coarse = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        values = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.BICUBIC)).astype(np.int16)
        fine = generator.integers(-24, 25, (240, 320, 3)).repeat(2, 0).repeat(2, 1)
        paths.append(folder / f"{index}.jpg")
        Image.fromarray(np.clip(values + fine, 0, 255).astype(np.uint8)).save(paths[-1], quality=88)
    listing = folder / "pictures"
    listing.write_text("".join(f"{path}\n" for path in paths))
    engines = ["onnxruntime", "openvino"] if arguments.precision == "float32" else ["openvino"]
    own, theirs = [], {engine: [] for engine in engines}
    for _ in range(arguments.rounds):
        with open(folder / "out", "wb") as out:
            own.append(run(embed(), open(listing), out)[0])
        for engine in engines:
            theirs[engine].append(peer("pictures", arguments.model, listing, folder / "peer-out", engine=engine))
    return [report("pictures", engine, own, theirs[engine]) for engine in engines]


def rank(folder):
    import numpy as np
    generator = np.random.default_rng(1)
    vectors = generator.standard_normal((arguments.vectors, 512), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "queries.npy", vectors[:100])

    def write(path, rows, modality, key):
        with open(path, "w") as out:
            for index, row in enumerate(rows):
                record = {"id": str(index), "modality": modality, key: f"{index}.jpg", "space": "0" * 8,
                          "embedding": base64.b64encode(row.tobytes()).decode()}
                out.write(json.dumps(record) + "\n")

    write(folder / "candidates", vectors, "image", "path")
    write(folder / "queries", vectors[:100], "text", "text")
    write(folder / "query", vectors[:1], "text", "text")
    clip = [arguments.clip, "rank", "--top", "10", "--queries"]
    whole, products, theirs = [], [], []
    for _ in range(arguments.rounds):
        hundred, hundred_processor = run([*clip, folder / "queries"], open(folder / "candidates"))
        one, one_processor = run([*clip, folder / "query"], open(folder / "candidates"))
        whole.append(hundred)
        products.append(max(1e-9, (hundred_processor - one_processor) / arguments.threads))
        theirs.append(peer("rank", folder / "vectors.npy", folder / "queries.npy"))
    return [report("rank: products", "faiss", products, theirs), report("rank: with reading", "faiss", whole, theirs)]


def table(results):
    lines = ["| job | peer | ours, s | theirs, s | ratio | minimum | maximum | |", "|---|---|---|---|---|---|---|---|"]
    for r in results:
        ratio, more = r["ratio"], ""
        if "peak_bytes" in r:
            more = f"peak memory {r['peak_bytes'] / 1e6:.0f} MB against {r['peer_peak_bytes'] / 1e6:.0f} MB"
        if "largest_difference" in r:
            more = f"largest difference {r['largest_difference']:.1e}"
        lines.append(f"| {r['job']} | {r['peer']} | {r['seconds']:.2f} | {r['peer_seconds']:.2f} | **{ratio['median']:.2f}** "
                     f"| {ratio['minimum']:.2f} | {ratio['maximum']:.2f} | {more} |")
    return "\n".join(lines)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", default=".build/release/clip")
parser.add_argument("--model", default="build/ViT-B-32")
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--captions", type=int, default=10_000)
parser.add_argument("--pictures", type=int, default=2_000)
parser.add_argument("--vectors", type=int, default=1_000_000)
parser.add_argument("--json", help="file for the results")
parser.add_argument("--python", type=shlex.split, default=[sys.executable], help="interpreter with the peers")
parser.add_argument("jobs", nargs="+", choices=["start", "captions", "pictures", "rank"])
arguments = parser.parse_args()
if hasattr(os, "sched_setaffinity"):  # the same processors for everybody; children inherit it
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
results = []
for job in arguments.jobs:
    with tempfile.TemporaryDirectory() as name:
        results += globals()[job](pathlib.Path(name))
    print(table(results).splitlines()[-1], file=sys.stderr, flush=True)
print(table(results))
if arguments.json:
    pathlib.Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")
