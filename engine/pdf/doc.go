// Package pdf writes plain documents as tagged PDF: headings, paragraphs and
// tick boxes on A4, with embedded fonts.
//
// Who reads with a screen reader gets the same document: every piece of text
// belongs to a structure element in reading order, the language and the title
// are set, page numbers are marked as artifacts, and tick boxes carry their
// state (ISO 32000-1 section 14.7 to 14.9; the rules of ISO 14289-1, PDF/UA-1,
// are followed, and the file says so).
//
// The document must look like its text and read like it: a character that the
// font does not have is an error ([*MissingGlyph]) and never a blank or a
// question mark. Text is brought into Unicode normal form C first. Scripts that
// need shaping or run from right to left are outside what this package can do;
// the fonts that it was written for do not have them, so that they are refused.
//
// The same input gives the same bytes (with the same version of Go, whose
// compressor is used): the only time in the file is the one that the caller
// gives.
package pdf
