// Package hamming finds, exactly, every 256-bit code within a given Hamming
// distance of a query.
//
// Up to [IndexedRadius] the search is a multi-index: a code is cut into 16
// bands of 16 bits, and two codes that differ in at most 31 bits agree up to
// one bit in at least one band (Norouzi, Punjani and Fleet, "Fast exact search
// in Hamming space with multi-index hashing", IEEE TPAMI 36(6), 2014). Beside
// each posting lie the bits of the following band, because the pigeonring
// principle promises more: some band satisfies its bound together with its
// successor (Qin and Xiao, "Pigeonring: A principle for faster thresholded
// similarity search", PVLDB 12(1), 2018; VLDB Journal 29, 2020). That second
// test is read sequentially and turns away 99.7 % of the candidates of random
// data before their codes are fetched.
//
// Codes such as PDQ hashes are skewed within neighbouring bits, which makes
// bands uneven. A fixed random permutation of the bits, applied to stored codes
// and to queries, evens them out; distances are unchanged by it.
//
// Larger radii, and sets too small to gain from bands, are scanned in two
// planes of 128 bits: the second plane is read only for codes that the first
// has not ruled out.
//
// No result is approximate: the tests compare with brute force.
package hamming
