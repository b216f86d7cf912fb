#ifndef CLIP_LIBPNG_SHIM_H
#define CLIP_LIBPNG_SHIM_H

#include <png.h>

#endif
