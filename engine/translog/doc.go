// Package translog is an append-only Merkle log whose content anyone can check
// without trusting whoever keeps it.
//
// The log is a list of records. Each record is hashed into a leaf, the leaves
// into a Merkle tree (RFC 6962, section 2.1), and the root of the tree is
// published in a signed checkpoint (C2SP tlog-checkpoint, carried in a C2SP
// signed note). From then on no record below the checkpoint's size can be
// altered, dropped, inserted or moved without the root changing:
//
//   - [Extend] appends a batch of leaves to a stored tree,
//   - [Sign] and [Open] write and check checkpoints, [Cosigner.Cosign] lets
//     another node witness them (C2SP tlog-cosignature),
//   - [ProveInclusion] and [CheckInclusion] show that a record is in the log,
//     [ProveConsistency] and [CheckConsistency] that a later log begins with
//     an earlier one,
//   - [Audit] streams through a whole stored log and returns the first [Fault],
//   - [BundleWriter], [BundleReader] and [AuditBundle] carry a log, or records
//     chosen from it, to somebody who checks it offline. FORMAT.md, beside this
//     code, describes the file so that it can be checked in any language.
//
// # What a log can and cannot show
//
// Signatures bind a log to its keeper: they do not stop the keeper from signing
// two histories or an older one. That is found only by comparing with
// checkpoints kept elsewhere: give them in [Trust.Known], or require the
// cosignatures of independent witnesses in [Trust.Quorum]. Records appended
// after the last checkpoint are not yet bound to anything;
// [Report.Uncovered] counts them.
//
// The package is pure. It reads stored hashes through [HashReader], records
// through iterators and bundles through an io.Reader; the time of a
// cosignature is passed in.
//
// Sources: RFC 6962 (Certificate Transparency) section 2.1; S. Crosby and
// D. Wallach, "Efficient Data Structures for Tamper-Evident Logging", USENIX
// Security 2009, section 3.3, for the order of stored hashes; c2sp.org
// signed-note, tlog-checkpoint and tlog-cosignature.
package translog
