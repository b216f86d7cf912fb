// What is used of libtiff, declared here: its interface has been the same since version 4, and the library is opened when the
// first TIFF comes, so that nothing needs its headers. Names and numbers are those of tiffio.h and tiff.h.

#ifndef CLIP_IMAGE_CODECS_LIBTIFF_H
#define CLIP_IMAGE_CODECS_LIBTIFF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct tiff TIFF;
typedef void *thandle_t;
typedef ssize_t tmsize_t;
typedef tmsize_t (*TIFFReadWriteProc)(thandle_t, void *, tmsize_t);
typedef uint64_t (*TIFFSeekProc)(thandle_t, uint64_t, int);
typedef int (*TIFFCloseProc)(thandle_t);
typedef uint64_t (*TIFFSizeProc)(thandle_t);
typedef int (*TIFFMapFileProc)(thandle_t, void **, uint64_t *);
typedef void (*TIFFUnmapFileProc)(thandle_t, void *, uint64_t);

enum {
    TIFFTAG_IMAGEWIDTH = 256,
    TIFFTAG_IMAGELENGTH = 257,
    TIFFTAG_BITSPERSAMPLE = 258,
    TIFFTAG_COMPRESSION = 259,
    TIFFTAG_PHOTOMETRIC = 262,
    TIFFTAG_ORIENTATION = 274,
    TIFFTAG_SAMPLESPERPIXEL = 277,
    TIFFTAG_ROWSPERSTRIP = 278,
    TIFFTAG_PLANARCONFIG = 284,
    TIFFTAG_COLORMAP = 320,
    TIFFTAG_TILEWIDTH = 322,
    TIFFTAG_TILELENGTH = 323,
    TIFFTAG_EXTRASAMPLES = 338,
    TIFFTAG_SAMPLEFORMAT = 339,
    TIFFTAG_JPEGCOLORMODE = 65538,
};

enum { PHOTOMETRIC_MINISWHITE, PHOTOMETRIC_MINISBLACK, PHOTOMETRIC_RGB, PHOTOMETRIC_PALETTE };
enum { PHOTOMETRIC_SEPARATED = 5, PHOTOMETRIC_YCBCR = 6, PHOTOMETRIC_CIELAB = 8 };
enum { COMPRESSION_OJPEG = 6, COMPRESSION_JPEG = 7 };
enum { PLANARCONFIG_CONTIG = 1, PLANARCONFIG_SEPARATE = 2 };
enum { SAMPLEFORMAT_UINT = 1, SAMPLEFORMAT_INT = 2, SAMPLEFORMAT_IEEEFP = 3 };
enum { EXTRASAMPLE_UNSPECIFIED = 0, EXTRASAMPLE_ASSOCALPHA = 1 };
enum { JPEGCOLORMODE_RGB = 1 };

TIFF *TIFFClientOpen(
    const char *name, const char *mode, thandle_t, TIFFReadWriteProc, TIFFReadWriteProc, TIFFSeekProc, TIFFCloseProc,
    TIFFSizeProc, TIFFMapFileProc, TIFFUnmapFileProc);
void TIFFClose(TIFF *);
int TIFFGetField(TIFF *, uint32_t tag, ...);
int TIFFGetFieldDefaulted(TIFF *, uint32_t tag, ...);
int TIFFSetField(TIFF *, uint32_t tag, ...);
int TIFFIsTiled(TIFF *);
int TIFFIsCODECConfigured(uint16_t);
tmsize_t TIFFStripSize(TIFF *);
tmsize_t TIFFScanlineSize(TIFF *);
tmsize_t TIFFTileSize(TIFF *);
tmsize_t TIFFTileRowSize(TIFF *);
uint32_t TIFFNumberOfStrips(TIFF *);
uint32_t TIFFNumberOfTiles(TIFF *);
tmsize_t TIFFReadEncodedStrip(TIFF *, uint32_t, void *, tmsize_t);
tmsize_t TIFFReadEncodedTile(TIFF *, uint32_t, void *, tmsize_t);
int TIFFReadRGBAImageOriented(TIFF *, uint32_t width, uint32_t height, uint32_t *, int orientation, int stop);
void *TIFFSetErrorHandler(void *);
void *TIFFSetWarningHandler(void *);

// Since 4.5; before, messages can only be silenced for the whole process.
typedef struct tiff_options TIFFOpenOptions;
typedef int (*TIFFErrorHandlerExtR)(TIFF *, void *user, const char *module, const char *format, va_list);
TIFFOpenOptions *TIFFOpenOptionsAlloc(void);
void TIFFOpenOptionsFree(TIFFOpenOptions *);
void TIFFOpenOptionsSetErrorHandlerExtR(TIFFOpenOptions *, TIFFErrorHandlerExtR, void *user);
void TIFFOpenOptionsSetWarningHandlerExtR(TIFFOpenOptions *, TIFFErrorHandlerExtR, void *user);
TIFF *TIFFClientOpenExt(
    const char *name, const char *mode, thandle_t, TIFFReadWriteProc, TIFFReadWriteProc, TIFFSeekProc, TIFFCloseProc,
    TIFFSizeProc, TIFFMapFileProc, TIFFUnmapFileProc, TIFFOpenOptions *);

#endif
