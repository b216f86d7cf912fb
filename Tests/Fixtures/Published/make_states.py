"""Writes the per-token states that transformers gives for the model in `transformers/`, of the inputs in its
`expected.safetensors`.

    python make_states.py

Needs torch, transformers 5.23, safetensors, and what make.py wrote.
"""

from pathlib import Path

import torch

# See make.py.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import transformers
from safetensors.torch import load_file, save_file

FOLDER = Path(__file__).parent / "transformers"
inputs = load_file(FOLDER / "expected.safetensors")
text = transformers.CLIPTextModel.from_pretrained(FOLDER).eval()
vision = transformers.CLIPVisionModel.from_pretrained(FOLDER).eval()
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
    FOLDER / "states.safetensors")
