// Package law embeds the legal profiles that Brdo ships with: one JSON file a
// subject, the article cited beside each field, written to be read and
// corrected by a lawyer. Package domain/law reads and checks them.
//
// A file is never changed once a node has used it: a new version is a new file
// with the next version number, and cases keep the version they began under.
package law

import "embed"

// Files holds the folders csar, classes, review, routing, legal-basis, orders,
// notices, holds, statistics and cybertip.
//
//go:embed csar classes review routing legal-basis orders notices holds statistics cybertip
var Files embed.FS
