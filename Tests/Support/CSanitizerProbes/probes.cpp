#include "sanitizer_probes.h"

#include <vector>

int probe_read_beyond_in_cpp(int count) {
    std::vector<unsigned char> bytes(static_cast<std::size_t>(count), 1);
    const volatile unsigned char *first = bytes.data();
    return first[count];
}
