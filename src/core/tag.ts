/** Tags: dot-separated names that routes match on. */

/** Longest tag the journal takes, in UTF-8 bytes: the frame header has 16 bits for it; 4 KiB is far above any real tag. */
export const tagBytesMax = 4096;
