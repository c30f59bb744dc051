// Package luma reduces pictures to a few numbers that are linear in their
// luminance, such as the 64 by 64 cells of PDQ, without decoding pixels where
// that can be avoided.
//
// A JPEG file holds the luminance as cosines of 8 by 8 blocks (ITU-T T.81). A
// reduction that weights rows and columns separately, an [Operator], is linear,
// and so is the inverse transform: every non-zero coefficient therefore adds to
// the few cells that its block touches, with weights tabulated once for each row
// and column of blocks. What remains is the entropy decoding. Only rounding to
// whole levels is lost by it. Blocks in which a level might leave the range of
// 0 to 255 are transformed to pixels, brought into the range, and weighted there.
//
// Where there are instructions for it, four weights are added at once, and while the next bits are read, with the same
// results to the last bit; the build tag purego leaves that out.
//
// Reading is done for hostile files: nothing is allocated that the caller's limit
// of pixels does not allow, damaged files give what could be read with the share
// of it, and what is unusual (twelve bits, arithmetic coding, four components, RGB)
// is refused with [ErrUnsupported] for a general decoder to take.
package luma
