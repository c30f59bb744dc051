// Package video compares videos by the hashes of their frames, as vPDQ does (facebook/ThreatExchange,
// vpdq/README.md): a video is the list of the PDQ hashes of its frames, and two videos are alike as far
// as frames of the one are found in the other.
//
// [Read] and [Write] keep vPDQ's text: one line a frame, "frame,quality,hash,timestamp". [Compare] says how much
// of each video is in the other and where, as pairs of time ranges. [Scenes] divides one video where its
// picture changes, so that a person need not see all of it to know what is in it.
//
// vPDQ takes a video for a bag of frames and knows no order; the ranges are our own. Nothing here
// opens a file or decodes a frame.
package video
