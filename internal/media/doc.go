// Package media decodes, fingerprints, describes and previews hostile image files.
//
// Every file is an attack until parsed (design rule 8), so no decoder ever
// runs in the node itself. A [Service] keeps a small pool of child processes
// of the same binary, each of which shuts itself in before it reads its first
// byte: Landlock with an empty rule set (no file, no TCP), a seccomp allowlist
// (no open, no socket, no exec, no fork, no ptrace), resource limits, no new
// privileges, an almost empty environment. A child reads length-framed
// requests and writes length-framed replies; a deadline, a crash or a
// malformed reply ends it, and costs that one file its result and nobody
// else's.
//
// The parent trusts a child no more than the file: lengths, dimensions, media
// types and status codes of a reply are checked against closed lists and caps.
// Preview pictures come back as bare samples and are encoded by the parent, so
// that no byte written by a decoder reaches a browser.
//
// What can be said about a file is a [Status], never an error: errors are kept
// for our own faults (no child could be started, the service is closed, the
// caller's reader failed or gave up).
//
// Videos are decoded by ffmpeg, a program of its own that is started for one file each. The child encloses itself,
// opens it and becomes it: see playerFilter for what it may still do. Its frames come as bare samples of luminance and are hashed by
// the parent.
//
// Formats: JPEG, PNG, GIF, WebP, BMP and TIFF, recognised by their first bytes; and, where ffmpeg is installed, HEIC, AVIF and JPEG XL (see
// coded.go). Everything else is "unsupported" with the media type that was recognised. Of
// an animation or a file with several pages the first picture is used, and the
// result says so.
package media
