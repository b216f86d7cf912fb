#!/usr/bin/env python3
"""Checks the two rules of the house against `swift package dump-package` and the sources' imports.

1. Imports point downward only: a target depends on nothing above it in LAYERS, and imports nothing it does not declare.
2. A plugin depends on `Multimodal` and C targets, nothing else of ours; no library depends on a plugin; only
   `Sources/clip` lists plugins.
It also refuses full Foundation and `print(` in libraries and plugins.
"""
import json
import pathlib
import re
import subprocess
import sys

# From the ground up: a target may depend on targets of lower rows only.
LAYERS = [
    ["ModelGraph", "YAML", "AtomicFiles", "JSONLines"],
    ["Multimodal", "Imaging"],
    ["MultimodalTesting", "Checkpoints"],
    ["Hub", "Training", "Evaluation"],
    ["CLIPKit"],
]
ROOT = pathlib.Path(__file__).resolve().parent.parent
package = json.loads(subprocess.check_output(["swift", "package", "dump-package"], cwd=ROOT))
targets = {target["name"]: target for target in package["targets"]}
level = {name: row for row, names in enumerate(LAYERS) for name in names}
problems = []


def folder(target):
    kind = "Tests" if target["type"] == "test" else "Sources"
    return target.get("path") or f"{kind}/{target['name']}"


def dependencies(target):
    for entry in target["dependencies"]:
        name = (entry.get("byName") or entry.get("target") or entry.get("product"))[0]
        yield name


def is_c(name):
    target = targets.get(name)
    if target is None:
        return False
    return target["type"] == "system" or not list((ROOT / folder(target)).glob("**/*.swift"))


def is_plugin(name):
    return name in targets and folder(targets[name]).startswith("Plugins/")


for name, target in targets.items():
    place = folder(target)
    if target["type"] == "test" or place.startswith(("Sources/clip", "Examples/", "Tests/")):
        continue
    declared = set(dependencies(target))
    for dependency in declared & targets.keys():
        if is_c(dependency) or is_c(name):
            continue
        if is_plugin(dependency):
            problems.append(f"{name} depends on the plugin {dependency}; only Sources/clip may list plugins")
        elif is_plugin(name):
            if dependency != "Multimodal":
                problems.append(f"plugin {name} depends on {dependency}; a plugin may depend on Multimodal only")
        elif name not in level or dependency not in level:
            problems.append(f"{name} or {dependency} has no place in LAYERS (scripts/check-layering.py)")
        elif level[dependency] >= level[name]:
            problems.append(f"{name} depends on {dependency}, which is not below it")
    sources = target.get("sources") or ["."]
    for source in sources:
        for file in sorted((ROOT / place / source).glob("**/*.swift")):
            where = file.relative_to(ROOT)
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = re.match(r"\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public |package |internal |private |fileprivate )?import (?:\w+ )?(\w+)", line)
                if found:
                    module = found.group(1)
                    if module == "Foundation":
                        problems.append(f"{where}:{number}: imports full Foundation; use FoundationEssentials or less")
                    if module in targets and module not in declared and module != "ModelGraph":
                        problems.append(f"{where}:{number}: imports {module}, which {name} does not declare")
                if re.search(r"(^|[^.\w])print\(", line) and not line.lstrip().startswith("//"):
                    problems.append(f"{where}:{number}: a library does not print")

for problem in problems:
    print(problem, file=sys.stderr)
print(f"layering: {len(targets)} targets checked, {len(problems)} problems")
sys.exit(1 if problems else 0)
