"""Makes training checkpoints with everything beside their state dict that trainers keep: python3 make_beside.py, with
torch, numpy and safetensors installed.

Beside each archive, a safetensors file of the same name holds the tensors that it must give.
"""

import argparse
import collections
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import random
import uuid
import warnings

import numpy
import torch
from safetensors.torch import save_file

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
torch.manual_seed(0)
numpy.random.seed(0)
random.seed(0)


class Mode(enum.Enum):
    TRAIN = "train"


class Flags(enum.Flag):
    FAST = 1
    EXACT = 2


class Settings:
    class Inner(enum.IntEnum):
        ONE = 1

    def __init__(self):
        self.rate, self.inner, self.again = 1e-3, Settings.Inner.ONE, self

    def method(self):
        return self.rate


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


class Keywords:
    def __new__(cls, *, a):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"a": 1}


class Words(dict):
    pass


class Numbers(list):
    pass


class Tagged(torch.Tensor):
    pass


Point = collections.namedtuple("Point", "x y")
module = torch.nn.Sequential(collections.OrderedDict(fc=torch.nn.Linear(4, 3), norm=torch.nn.LayerNorm(3)))
state = module.state_dict()
optimizer = torch.optim.AdamW(module.parameters(), lr=numpy.float64(1e-3))
module(torch.randn(2, 4)).sum().backward()
optimizer.step()
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
attributed = torch.randn(2)
attributed.note = "with attributes"
words = Words(a=1)
words.extra = {"b": 2}
counts = collections.defaultdict(list)
counts["a"].append(1)
beside = {
    "epoch": 3, "name": "run", "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
    "scaler": torch.amp.GradScaler("cpu", enabled=True).state_dict(),
    "args": argparse.Namespace(lr=numpy.float32(1e-3), device=torch.device("cpu"), path=pathlib.PosixPath("/data/x")),
    "device": torch.device("cuda", 1), "dtype": torch.float16, "newer_dtype": torch.uint16,
    "layout": torch.strided, "size": torch.Size([2, 3]),
    "counts": counts, "counter": collections.Counter("aab"), "queue": collections.deque([1, 2], maxlen=3),
    "chain": collections.ChainMap({"a": 1}), "time": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
    "delta": datetime.timedelta(seconds=1), "day": datetime.date(2026, 1, 2), "complex": 1 + 2j, "set": {1, 2},
    "frozen": frozenset([1]), "bytes": b"\x00\xff", "array": bytearray(b"ab"), "range": range(3), "slice": slice(1, 2),
    "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3), "uuid": uuid.UUID(int=1),
    "mode": Mode.TRAIN, "flags": Flags.FAST | Flags.EXACT, "nested": Settings.Inner.ONE, "settings": Settings(),
    "bound": Settings().method, "slots": Slots(), "keywords": Keywords(a=1), "words": words, "numbers": Numbers([1, 2]), "point": Point(1, 2),
    "partial": functools.partial(max, 1), "function": functools.reduce, "class": Settings, "type": int,
    "exception": ValueError("bad"), "ellipsis": ..., "rate": numpy.float32(0.5), "step": numpy.int64(3),
    "flag": numpy.bool_(True), "matrix": numpy.arange(6.0).reshape(2, 3), "text": numpy.str_("a"),
    "texts": numpy.array(["a", "bc"]), "objects": numpy.array([None, "a"], dtype=object),
    "date": numpy.datetime64("2026-01-02"), "numpy_dtype": numpy.dtype("float32"),
    "numpy_random": numpy.random.get_state(), "generator": numpy.random.default_rng(0),
    "torch_random": torch.get_rng_state(), "python_random": random.getstate(), "keys": {1: 2, None: 3, (1, 2): 4, 2.5: 5},
    "sparse": torch.eye(2).to_sparse(), "rows": torch.eye(2).to_sparse_csr(),
    "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8), "module": torch.nn.Linear(2, 2),
    "bits": torch.tensor([0, 1, 2], dtype=torch.uint16), "eighths": torch.ones(3).to(torch.float8_e4m3fn),
    "meta": torch.empty(2, device="meta"), "nothing": torch.zeros(0, 3), "tagged": torch.ones(2).as_subclass(Tagged),
}


def save(name, value, tensors, **options):
    torch.save(value, here / f"{name}.pt", **options)
    path = here / f"{name}.safetensors"
    save_file({key: value.detach().contiguous().clone() for key, value in tensors.items()}, path)
    path.chmod(0o644)


state["attributed"] = attributed
for protocol in [2, 5]:
    save(f"beside-{protocol}", {**beside, "state_dict": state}, state, pickle_protocol=protocol)
old = {key: value for key, value in beside.items() if key not in ["quantized", "bits", "eighths", "sparse", "rows"]}
save("beside-before-1.6", {"model_state_dict": state, **old}, state, _use_new_zipfile_serialization=False)
# It names the source files of its classes: not where they stand on this machine, in a name as long.
oldest = here / "beside-before-1.6.pt"
site = str(pathlib.Path(torch.__file__).parents[1])
oldest.write_bytes(oldest.read_bytes().replace(site.encode(), "/usr".ljust(len(site), "/").encode()))

# As they are among the tensors themselves
odd = {
    key: beside[key] for key in [
        "bits", "eighths", "quantized", "sparse", "nothing", "tagged", "meta", "rate", "device", "mode", "keys",
    ]
}
save("odd", {**odd, "weight": state["fc.weight"], "half": torch.ones(2).half()},
     {"weight": state["fc.weight"], "half": torch.ones(2).half()})

# What trainers save around a state dict, and around that
compiled = {"module._orig_mod." + key: value for key, value in state.items()}
save("wrapped", {"model": {"state_dict": compiled}, "rng": torch.get_rng_state(), "ema": {"x": torch.ones(1)}}, state)
average = torch.optim.swa_utils.AveragedModel(module).state_dict()
save("averaged", {"model_ema": average}, {"n_averaged": average["n_averaged"], **module.state_dict()})
torch.save(module, here / "whole.pt")
torch.save({"state_dict": Settings()}, here / "no-state.pt")
torch.save({"epoch": 3, "args": beside["args"], "losses": [1.0]}, here / "no-tensors.pt")
