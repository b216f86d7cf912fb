"""What transformers' and open_clip's own image processors make of transparent images: python3 make_processed.py (needs
transformers 5.24, open_clip 3.3, Pillow 13, numpy), after make_formats.py.

  processed.tsv   name, program, the 3 x 8 x 8 pixels that it gives its model, times 255, in hexadecimal

transformers lays transparent images on white; open_clip drops alpha, after resizing.
"""

import pathlib

import numpy as np
import torch
from open_clip.transform import image_transform
from PIL import Image
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

HERE = pathlib.Path(__file__).parent
NAMES = """rgba.png gray-alpha.png palette-entry.png palette-alphas.png gray1-key.png gray4-key.png gray8-key.png gray16-key.png
rgb8-key.png rgb16-key.png rgba16.png gray-alpha16.png rgb-opaque.png alpha.webp transparent.gif gray-transparent.gif""".split()

plain = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
clip = CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}, **plain)
siglip = SiglipImageProcessorPil(size={"height": 8, "width": 8}, **plain)
opened = image_transform(8, is_train=False, mean=(0, 0, 0), std=(1, 1, 1))

rows = []
for name in NAMES:
    for program, process in (
        ("transformers-clip", lambda image: clip(image, return_tensors="np")["pixel_values"][0]),
        ("transformers-siglip", lambda image: siglip(image, return_tensors="np")["pixel_values"][0]),
        ("open_clip", lambda image: opened(image).numpy()),
    ):
        values = np.asarray(process(Image.open(HERE / "formats" / name)), np.float64) * 255
        assert values.shape == (3, 8, 8) and np.abs(values - values.round()).max() < 1e-3
        rows.append("\t".join([name, program, values.round().astype(np.uint8).tobytes().hex()]))
(HERE / "processed.tsv").write_text("\n".join(rows) + "\n")
