#pragma once

// Writes the shortest text of a finite value that reads back as the same float32, at most 16 bytes; returns its end.
char *write_shortest(float value, char *out);
