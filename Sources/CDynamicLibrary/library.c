#include "CDynamicLibrary.h"

#include <dlfcn.h>
#include <stddef.h>

void *clip_open_library(const char *const *names) {
    void *library = NULL;
    for (; *names != NULL && library == NULL; names++) library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    return library;
}

void *clip_find_function(void *library, const char *name) { return dlsym(library, name); }

const char *clip_library_error(void) {
    const char *message = dlerror();
    return message != NULL ? message : "no reason given";
}
