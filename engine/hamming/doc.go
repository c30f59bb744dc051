// Package hamming finds, exactly, every 256-bit code within a given Hamming
// distance of a query.
//
// The search is a multi-index: the bits of a code are cut into bands, and two
// codes that are near agree up to few bits in at least one of them (Norouzi,
// Punjani and Fleet, "Fast exact search in Hamming space with multi-index
// hashing", IEEE TPAMI 36(6), 2014). With 16 bands of 16 bits and a radius of
// 31 that is one bit; greater radii, and bands of unequal widths, have greater
// thresholds, which are spread so that a query costs least. Beside each posting
// lie the bits that follow its band, because the pigeonring principle promises
// more: some band satisfies its bound together with its successors (Qin and
// Xiao, "Pigeonring: A principle for faster thresholded similarity search",
// PVLDB 12(1), 2018; VLDB Journal 29, 2020). That second test is read
// sequentially, four postings at once, and turns away 99.7 % of the candidates
// of random data before their codes are fetched.
//
// Codes such as PDQ hashes are skewed within neighbouring bits, which makes
// bands uneven. A fixed random permutation of the bits, applied to stored codes
// and to queries, evens them out; distances are unchanged by it. It keeps four classes of
// bits apart, so that codes which differ by whole classes have the same value in most bands: those of a
// picture turned over, mirrored or inverted do, and [Index.SearchAll] looks it up once for all of them. The 32 hashes of
// a photo in two forms have 139 values in 16 bands, in the mean of 253 photos; 512 would be looked up one by one.
//
// Near copies of one picture lie around a centre, and to a query beside them nearly all
// postings of a band are alike. Rows of which many lie around a centre are therefore kept
// in groups and not in the bands: codes side by side, in the order of their distances to
// the centre, of which by the triangle inequality only a stretch is looked at (as in
// Brin, "Near neighbor search in large metric spaces", VLDB 1995). Which rows are grouped
// is found by sampling and decides only about speed. Beside 50,000 near copies among
// 1,000,000 codes a query that matches none took at most 0.1 ms with AVX2.
//
// Sets too small to gain from bands, and radii for which the bands are expected
// to be slower, are scanned.
//
// What a radius costs: at 300,000 random codes on one busy processor with AVX2 a
// query took 11 µs at radius 31, 0.4 ms at 40 and at 48, 1.6 ms at 56; comparing with
// every code took 1.1 to 1.4 ms. Up to 64 the gain grows with the set; above 64 every
// code is compared. `brdo bench match --radius R` measures it.
//
// On amd64 with AVX2 the postings are passed 8 or 16 at once, codes four at once, and
// memory is asked for before it is needed; the build tag purego leaves that out.
//
// A large index lies in memory outside the heap, which the collector neither
// scans nor counts; [Index.Bytes] counts it.
//
// No result is approximate: the tests compare with brute force.
package hamming
