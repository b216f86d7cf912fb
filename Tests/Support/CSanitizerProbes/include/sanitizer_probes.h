#ifndef CLIP_SANITIZER_PROBES_H
#define CLIP_SANITIZER_PROBES_H

#ifdef __cplusplus
extern "C" {
#endif

// Whether C and C++ of this package are compiled with the sanitizer.
int sanitizer_of_addresses(void);
int sanitizer_of_undefined_behavior(void);
int sanitizer_of_threads(void);

// Each does what its name says, which a sanitizer must end the program for.
int probe_read_beyond_in_c(int count);
int probe_read_beyond_in_cpp(int count);
int probe_signed_overflow(int value);
int probe_race(void);

#ifdef __cplusplus
}
#endif

#endif
