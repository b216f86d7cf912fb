#!/usr/bin/env python3
"""`clip bench` and other engines on the same tower, alternating in one run: a table of ratios, and a JSON file.

    python3 Tests/Benchmarks/compare.py --clip .build/release/clip --install --json result.json \
        image:float32:32:build/ViT-B-32 image:bfloat16:32:build/ViT-B-32 image:float32:8:build/RN50

Each case is tower:precision:batch:folder, the folder in open_clip's layout (full_size.py in Tests/Fixtures/Published
shows how one is made). In every round each engine runs --iterations times, one engine after the other, all on the same
processors with the same number of threads and the same inputs; a round's figure is the median. A ratio is ours over
theirs in one round: above 1, ours is the faster. --clock processor compares processor time instead of time that
passed, which says more where other programs run.

--install makes an environment of its own, in --environment, with the engines from the package index; otherwise
--python names an interpreter that has them.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["torch", "torchvision", "open_clip_torch", "onnx", "onnxruntime", "openvino"]
# int8 is measured against what others offer without a tool that quantises by data: bfloat16, and dynamic int8.
ENGINES = {
    "float32": ["onnxruntime", "openvino"], "bfloat16": ["openvino"], "int8": ["openvino:bfloat16", "onnxruntime:int8"]}


class Peer:
    """An engine in a process of its own, ready to run."""

    def __init__(self, engine, case, arguments):
        tower, precision, batch, folder = case
        engine, _, other = engine.partition(":")
        precision = other or precision
        command = [*arguments.python, HERE / "peers.py", "--engine", engine, "--model", folder, "--tower", tower]
        command += ["--batch-size", batch, "--precision", precision, "--threads", arguments.threads]
        command += ["--spin", 0 if arguments.clock == "processor" else 1]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=None if arguments.verbose else subprocess.DEVNULL)
        while (line := self.process.stdout.readline()) and "ready" not in line:
            pass
        if not line:
            sys.exit(f"{engine} did not start; --verbose shows why")

    def run(self, iterations, clock):
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        return statistics.median(json.loads(self.process.stdout.readline())[clock])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(case, arguments, details):
    tower, precision, batch, folder = case
    command = [arguments.clip, "bench", "--model", folder, "--tower", tower, "--batch-size", batch, "--precision"]
    command += [precision, "--threads", arguments.threads, "--iterations", arguments.iterations, "--json"]
    result = json.loads(subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE).stdout)
    details.update(result)
    if arguments.clock == "processor":
        return result["processor_seconds"]
    return result["batch_size"] / result["items_per_second"]


def compare(case, arguments):
    engines = arguments.engines or ENGINES[case[1]]
    clock = {"wall": "seconds", "processor": "processor_seconds"}[arguments.clock]
    details, seconds = {}, {name: [] for name in ["clip", *engines]}
    peers = {name: Peer(name, case, arguments) for name in engines}
    for _ in range(arguments.rounds):
        seconds["clip"].append(ours(case, arguments, details))
        for name, peer in peers.items():
            seconds[name].append(peer.run(arguments.iterations, clock))
    for peer in peers.values():
        peer.close()
    batch, results = int(case[2]), []
    for name in engines:
        ratios = [theirs / own for own, theirs in zip(seconds["clip"], seconds[name])]
        results.append({
            "model": pathlib.Path(case[3]).name, "tower": case[0], "precision": case[1], "batch_size": batch,
            "threads": arguments.threads, "clock": arguments.clock, "peer": name,
            "items_per_second": batch / statistics.median(seconds["clip"]),
            "peer_items_per_second": batch / statistics.median(seconds[name]),
            "ratio": {"minimum": min(ratios), "median": statistics.median(ratios), "maximum": max(ratios)},
            "rounds": arguments.rounds, "iterations": arguments.iterations, "isa": details["isa"],
        })
    return results


def table(results):
    lines = ["| tower | precision | batch | ours, items/s | peer | items/s | ratio | minimum | maximum |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in results:
        ratio = r["ratio"]
        lines.append(
            f"| {r['model']} {r['tower']} | {r['precision']} | {r['batch_size']} | {r['items_per_second']:.1f} | {r['peer']} "
            f"| {r['peer_items_per_second']:.1f} | **{ratio['median']:.2f}** | {ratio['minimum']:.2f} | {ratio['maximum']:.2f} |")
    return "\n".join(lines)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", default=".build/release/clip")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--iterations", type=int, default=5)
parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
parser.add_argument("--engines", type=lambda text: text.split(","), help="instead of the best of each precision")
parser.add_argument("--json", help="file for the results")
parser.add_argument("--python", type=shlex.split, default=[sys.executable], help="interpreter with the engines")
parser.add_argument("--install", action="store_true")
parser.add_argument("--environment", default="build/benchmarks")
parser.add_argument("--verbose", action="store_true", help="shows what the engines say")
parser.add_argument("cases", nargs="+")
arguments = parser.parse_args()

if arguments.install:
    python = pathlib.Path(arguments.environment) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", arguments.environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    arguments.python = [str(python.absolute())]
if hasattr(os, "sched_setaffinity"):  # the same processors for everybody; children inherit it
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
results = []
for case in arguments.cases:
    tower, precision, batch, folder = case.split(":", 3)
    results += compare((tower, precision, batch, folder), arguments)
    print(table(results[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
print(table(results))
if arguments.json:
    pathlib.Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")
