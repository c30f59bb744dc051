// Package hashlist reads and writes lists of digests of known files: plain
// digests and the output of the *sum tools, CSV, the Project VIC exchange
// format VICS (JSON 1.x and 2.0, as observed) and JSON Lines.
//
// Every reader streams: memory does not grow with the list. Lines, CSV
// records, JSON strings, JSON nesting, rows and bytes are capped, so hostile
// input ends with a [LimitError] after little work.
//
// A list is imported wholly or not at all. A malformed line is a
// [SyntaxError] that says where and what; the caller then imports nothing. A
// row that is well formed but cannot be used (the digest of the empty file, no
// digest of a supported kind) is returned by [Reader.Next] with a [Refusal],
// so that it is counted and shown and never lost in silence.
//
// The package keeps what a list says as it says it: categories are not
// mapped, an absent flag is unknown and not false. FORMATS.md beside this file
// lists each field of each format with its source.
package hashlist
