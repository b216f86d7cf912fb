#include "fuzzer.h"

// libFuzzer's own entry for programs with a main of theirs (https://llvm.org/docs/LibFuzzer.html). Only scripts/fuzz.sh links it.
__attribute__((weak)) int LLVMFuzzerRunDriver(int *count, char ***arguments, fuzzer_body body);

int fuzzer_run(int count, char **arguments, fuzzer_body body) {
    return LLVMFuzzerRunDriver ? LLVMFuzzerRunDriver(&count, &arguments, body) : -1;
}
