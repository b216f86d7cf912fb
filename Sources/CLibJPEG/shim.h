#ifndef CLIP_LIBJPEG_SHIM_H
#define CLIP_LIBJPEG_SHIM_H

// jpeglib.h uses FILE and size_t without declaring them.
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#endif
