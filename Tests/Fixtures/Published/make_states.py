"""Writes the per-token states that transformers gives for the models in `transformers/` and `siglip/`, of the inputs
in their `expected.safetensors`.

    python make_states.py

Needs torch, transformers 5.23, safetensors, and what make.py wrote.
"""

from pathlib import Path

import torch

# See make.py.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import transformers
from safetensors.torch import load_file, save_file


for name, prefix in [("transformers", "CLIP"), ("siglip", "Siglip")]:
    folder = Path(__file__).parent / name
    inputs = load_file(folder / "expected.safetensors")
    text = getattr(transformers, prefix + "TextModel").from_pretrained(folder).eval()
    vision = getattr(transformers, prefix + "VisionModel").from_pretrained(folder).eval()
    with torch.no_grad():
        texts = text(input_ids=inputs["ids"].long(), output_hidden_states=True)
        images = vision(pixel_values=inputs["pixels"], output_hidden_states=True)
    save_file(
        {
            "text.tokens": texts.last_hidden_state.contiguous(),
            "text.penultimate": texts.hidden_states[-2].contiguous(),
            "image.tokens": images.last_hidden_state.contiguous(),
            "image.penultimate": images.hidden_states[-2].contiguous(),
        },
        folder / "states.safetensors")
