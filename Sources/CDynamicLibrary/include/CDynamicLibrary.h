// Libraries that are opened when they are first used, so that commands that do without them start sooner and run where they
// are not installed.

#ifndef CLIP_DYNAMIC_LIBRARY_H
#define CLIP_DYNAMIC_LIBRARY_H

#ifdef __cplusplus
extern "C" {
#endif

/// Opens the first library of `names` (ends with NULL) that there is; NULL where there is none. It is never closed.
void *clip_open_library(const char *const *names);

/// A function of an open library; NULL where it has none of this name.
void *clip_find_function(void *library, const char *name);

/// The system's words for the latest failure of this thread.
const char *clip_library_error(void);

// With a list of functions, `#define FUNCTIONS(X) X(first) X(second)`, these declare a table of them, with the types of the
// library's own headers, and fill it; see Sources/CHub/digest.c.
#define CLIP_DECLARE_FUNCTION(name) __typeof__(name) *name;

#ifdef __cplusplus
}
#endif

#endif
