"""Makes the PyTorch archives that the tests read: python3 make.py, with torch and safetensors installed.

Beside each archive that is read, a safetensors file of the same name holds what it must give.
"""

import collections
import os
import pathlib
import pickle
import struct
import zipfile

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
torch.manual_seed(0)


def save(name, value, expected, **options):
    torch.save(value, here / f"{name}.pt", **options)
    expect(name, expected)


def expect(name, tensors):
    path = here / f"{name}.safetensors"
    save_file({key: value.detach().contiguous().clone() for key, value in tensors.items()}, path)
    path.chmod(0o644)


# Every element type that is read, one of each kind that is not
numbers = torch.tensor([[0, 1, 2], [100, 7, 3]])
kinds = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int8, torch.uint8,
]
dtypes = {str(kind).removeprefix("torch."): numbers.to(kind) for kind in kinds}
others = {
    "bool": numbers.to(torch.bool), "int16": numbers.to(torch.int16), "complex": numbers.to(torch.complex64),
    "empty": torch.zeros(0, 3), "note": "text", "epoch": 3, "rate": 1e-3, "large": 2**70, "list": [1, (2, None)],
    "kind": torch.float16, "size": torch.Size([2, 3]),
}
save("dtypes", {**dtypes, **others}, dtypes)
save("protocol4", {**dtypes, **others, "raw": b"bytes"}, dtypes, pickle_protocol=4)

# Views of one storage, in every way that a view can differ from its storage
base = torch.randn(4, 6)
cube = torch.randn(2, 3, 4)
views = {
    "base": base, "transposed": base.t(), "row": base[2], "column": base[:, 3], "every.second": base[::2, 1::2],
    "permuted": cube.permute(2, 0, 1), "scalar": torch.tensor(2.5), "inner": base[1, 2],
    "expanded": torch.randn(3, 1).expand(3, 5), "one": torch.randn(1, 4)[:, None], "same": base,
}
save("views", views, views)

# What trainers put around a state dict
module = torch.nn.Sequential(collections.OrderedDict(
    conv1=torch.nn.Conv2d(3, 4, 2), bn1=torch.nn.BatchNorm2d(4), fc=torch.nn.Linear(4, 2)))
state = module.state_dict()
wrapped = collections.OrderedDict(("module." + key, value) for key, value in state.items())
optimizer = torch.optim.AdamW(module.parameters()).state_dict()
save("training", {"epoch": 2, "name": "tiny", "state_dict": wrapped, "optimizer": optimizer}, state)
save("parameters", {key: torch.nn.Parameter(value) for key, value in module.named_parameters()},
     dict(module.named_parameters()))


# Modules of modules as TorchScript writes them
class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 2, bias=False)
        self.ln_post = torch.nn.LayerNorm(4)
        self.register_buffer("mask", torch.randn(2, 3).half())
        self.input_resolution = 4

    def forward(self, x):
        return self.ln_post(self.conv1(x).flatten(2).mean(2))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = Tower()
        self.resblocks = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU())
        self.attn = torch.nn.MultiheadAttention(4, 2)
        self.logit_scale = torch.nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        return self.resblocks(self.visual(x)) * self.logit_scale


model = Model().eval()
for name, script in [("scripted", torch.jit.script(model)), ("traced", torch.jit.trace(model, torch.zeros(1, 3, 4, 4)))]:
    # The sources and their debugging tables are most of the file, and no reader of weights opens them: compressed as
    # TorchScript compresses large ones.
    script.save(here / "full.pt")
    with zipfile.ZipFile(here / "full.pt") as full, zipfile.ZipFile(here / f"{name}.pt", "w") as small:
        for record in full.infolist():
            kind = zipfile.ZIP_DEFLATED if "/code/" in record.filename else zipfile.ZIP_STORED
            small.writestr(zipfile.ZipInfo(record.filename), full.read(record), kind)
    (here / "full.pt").unlink()
    expect(name, model.state_dict())

# The model of TinyModel.swift, in half precision as many are published
block = {
    "attn.in_proj_weight": (24, 8), "attn.in_proj_bias": (24,), "attn.out_proj.weight": (8, 8),
    "attn.out_proj.bias": (8,), "ln_1.weight": (8,), "ln_1.bias": (8,), "ln_2.weight": (8,), "ln_2.bias": (8,),
    "mlp.c_fc.weight": (32, 8), "mlp.c_fc.bias": (32,), "mlp.c_proj.weight": (8, 32), "mlp.c_proj.bias": (8,),
}
shapes = {
    "logit_scale": (), "positional_embedding": (6, 8), "token_embedding.weight": (128, 8), "text_projection": (8, 4),
    "ln_final.weight": (8,), "ln_final.bias": (8,), "visual.class_embedding": (8,), "visual.proj": (8, 4),
    "visual.conv1.weight": (8, 3, 4, 4), "visual.positional_embedding": (5, 8), "visual.ln_pre.weight": (8,),
    "visual.ln_pre.bias": (8,), "visual.ln_post.weight": (8,), "visual.ln_post.bias": (8,),
    **{f"{tower}transformer.resblocks.0.{name}": shape for tower in ["", "visual."] for name, shape in block.items()},
}
tiny = {name: torch.randn(shape).half() for name, shape in shapes.items()}
save("tiny", {"state_dict": {"module." + name: value for name, value in tiny.items()}}, tiny)

# What archives beyond 4 GB look like: every size and place in the fields of zip64
with zipfile.ZipFile(here / "views.pt") as source:
    content, directory = b"", b""
    for record in source.infolist():
        name, data = record.filename.encode(), source.read(record)
        extra = struct.pack("<HHQQQ", 1, 24, len(data), len(data), len(content))
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, record.CRC, 2**32 - 1, 2**32 - 1,
                                 len(name), len(extra), 0, 0, 0, 0, 2**32 - 1) + name + extra
        content += struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, record.CRC, 2**32 - 1, 2**32 - 1, len(name), 20)
        content += name + struct.pack("<HHQQ", 1, 16, len(data), len(data)) + data
    count, place = len(source.infolist()), len(content)
    content += directory
    content += struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), place)
    content += struct.pack("<4sIQI", b"PK\6\7", 0, place + len(directory), 1)
    content += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    (here / "zip64.pt").write_bytes(content)
expect("zip64", views)

# The format of before PyTorch 1.6
save("before-1.6", state, state, _use_new_zipfile_serialization=False)
save("before-1.6-dtypes", {**dtypes, **others, "module": views}, {**dtypes, **{"module." + k: v for k, v in views.items()}},
     _use_new_zipfile_serialization=False)

# Refused
torch.save(torch.randn(2), here / "bare.pt")


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def archive(name, data, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(here / f"{name}.pt", "w", compression) as file:
        for record, content in [("data.pkl", data), ("byteorder", b"little"), ("version", b"3\n")]:
            file.writestr(zipfile.ZipInfo(f"archive/{record}"), content, compression)


touch = "touch /tmp/clip-unpickler-ran"
archive("os-system", pickle.dumps({"weight": Call(os.system, touch)}, 2))
archive("os-system-4", pickle.dumps({"weight": Call(os.system, touch)}, 4))
archive("eval", pickle.dumps({"weight": Call(eval, "1 + 1")}, 2))
archive("inst", b"\x80\x02(X\x08\x00\x00\x00echo runiposix\nsystem\n.")
archive("getattr", pickle.dumps(Call(getattr, "text", "upper"), 2))
archive("circle", b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.")
# Twenty dictionaries, each holding the one before it twice: a million leaves
archive("laughs", b"\x80\x02}" + b"q\x00}X\x01\x00\x00\x00ah\x00sX\x01\x00\x00\x00bh\x00s" * 20 + b".")
archive("compressed", pickle.dumps({}, 2), zipfile.ZIP_DEFLATED)
