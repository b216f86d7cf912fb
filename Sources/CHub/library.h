#ifndef CHUB_LIBRARY_H
#define CHUB_LIBRARY_H

#include <dlfcn.h>
#include <stddef.h>

/// Opens the first library of `names` (ends with NULL) that there is.
static inline void *chub_open_library(const char *const *names) {
    void *library = NULL;
    for (; *names != NULL && library == NULL; names++) library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    return library;
}

#endif
