"""Makes the fixtures beside this file: what open_clip and PyTorch compute for a small CLIP.

    pip install torch open_clip_torch safetensors numpy
    python make.py

weights.safetensors      weights that both variants start from, images as int8 (value / 64), token ids
gelu.safetensors         for each activation: embeddings, loss, gradient norm, and a sample of every parameter after
quick_gelu.safetensors   one AdamW step, and after three with the gradient clipped (names: after1.<parameter>, after3.<...>)

The sample of a parameter of n elements is elements i * n // k for i in 0..<k, k = min(n, 320).
"""

import pathlib

import torch
from open_clip.loss import ClipLoss
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
BATCH, SAMPLE, CLIP_NORM = 8, 320, 0.5


def make_model(quick_gelu):
    return CLIP(
        embed_dim=16,
        vision_cfg=CLIPVisionCfg(image_size=32, patch_size=8, width=32, layers=2, head_width=16),
        text_cfg=CLIPTextCfg(context_length=8, vocab_size=64, width=32, layers=2, heads=2),
        quick_gelu=quick_gelu,
    ).float()


def make_batch(generator):
    images = torch.randint(-128, 128, (BATCH, 3, 32, 32), generator=generator, dtype=torch.int8)
    tokens = torch.zeros(BATCH, 8, dtype=torch.int32)
    for row in range(BATCH):
        length = 3 + row % 6
        tokens[row, 0] = 62
        tokens[row, 1 : length - 1] = torch.randint(1, 62, (length - 2,), generator=generator, dtype=torch.int32)
        tokens[row, length - 1] = 63
    return images, tokens


def make_optimizer(model):
    # open_clip_train/main.py: gains, biases and the logit scale do not decay.
    def excluded(name, p):
        return p.ndim < 2 or "bn" in name or "ln" in name or "bias" in name or "logit_scale" in name

    named = list(model.named_parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for n, p in named if excluded(n, p)], "weight_decay": 0.0},
            {"params": [p for n, p in named if not excluded(n, p)], "weight_decay": 0.2},
        ],
        lr=5e-4, betas=(0.9, 0.98), eps=1e-6,
    )


def step(model, optimizer, images, tokens, clip_norm=None):
    optimizer.zero_grad()
    image, text, scale = model(images, tokens)
    loss = ClipLoss()(image, text, scale)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm if clip_norm else float("inf"))
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, torch.log(torch.tensor(100.0)))
    return image.detach(), text.detach(), loss.detach(), norm.detach()


def sample(model, prefix):
    result = {}
    for name, p in model.named_parameters():
        flat = p.detach().reshape(-1)
        count = min(SAMPLE, flat.numel())
        result[prefix + name] = flat[torch.tensor([i * flat.numel() // count for i in range(count)])].clone()
    return result


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(2)
    start = make_model(False)
    with torch.no_grad():
        for p in start.parameters():
            if p.ndim == 1:  # gains of one and biases of zero would hide mistakes
                p.add_(0.05 * torch.randn(p.shape, generator=generator))
    weights = {name: p.detach().clone() for name, p in start.named_parameters()}
    images, tokens = make_batch(generator)
    save_file({**weights, "images": images, "tokens": tokens}, HERE / "weights.safetensors")

    for quick_gelu in (False, True):
        result = {}
        for clip_norm, steps, prefix in ((None, 1, "after1."), (CLIP_NORM, 3, "after3.")):
            model = make_model(quick_gelu)
            model.load_state_dict(weights, strict=False)
            optimizer = make_optimizer(model)
            for index in range(steps):
                image, text, loss, norm = step(model, optimizer, images.float() / 64, tokens.long(), clip_norm)
                if steps == 1:
                    result.update(image=image, text=text, loss=loss, gradientNorm=norm)
                else:
                    result.update({f"loss.{index}": loss, f"gradientNorm.{index}": norm})
            result.update(sample(model, prefix))
        name = "quick_gelu" if quick_gelu else "gelu"
        save_file({k: v.contiguous() for k, v in result.items()}, HERE / f"{name}.safetensors")
        print(quick_gelu, float(result["loss"]), float(result["gradientNorm"]), [float(result[f"loss.{i}"]) for i in range(3)])


if __name__ == "__main__":
    main()
