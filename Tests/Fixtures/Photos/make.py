"""Makes the photos of this folder from those that come with scikit-image: astronaut (NASA, public domain), rocket (SpaceX,
CC0), chelsea (Stefan van der Walt, CC0), coffee (Rachel Michetti, CC0).

    python3 make.py        # needs scikit-image and Pillow
"""
from pathlib import Path

from PIL import Image
from skimage import data

here = Path(__file__).parent
for name in ["astronaut", "rocket", "chelsea", "coffee"]:
    photo = Image.fromarray(getattr(data, name)())
    photo.thumbnail((200, 200), Image.Resampling.LANCZOS)
    photo.save(here / f"{name}.jpg", quality=85)
