#ifndef CLIP_LIBWEBP_SHIM_H
#define CLIP_LIBWEBP_SHIM_H

#include <webp/decode.h>
#include <webp/demux.h>

#endif
