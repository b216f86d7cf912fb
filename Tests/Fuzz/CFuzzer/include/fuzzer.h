#ifndef CLIP_FUZZER_H
#define CLIP_FUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Takes bytes; gives 0.
typedef int (*fuzzer_body)(const uint8_t *bytes, size_t count);

/// Runs libFuzzer with a program's arguments, and gives its exit status; -1 where the program was built without it.
int fuzzer_run(int count, char **arguments, fuzzer_body body);

#endif
