// Package scene finds whether one picture shows the same scene as another, or a part of it, where a perceptual hash of
// the whole picture cannot: after a crop on one side, with text or a box over it, turned by some degrees, or inside a
// collage.
//
// A picture is described by at most [MaxFeatures] small features, each the centre of a dark or bright spot at one of several
// scales with 256 bits about its surroundings. Two pictures are compared by pairing features whose bits agree, and by
// looking for one turn, scale, shift and mirroring that carries many of them to their partners at once. How many it
// carries is the evidence: see [Relation].
//
// The parts are known: the determinant of the Hessian finds spots (Lindeberg, "Feature detection with automatic scale
// selection", 1998), bits are comparisons of smoothed levels (Calonder et al., "BRIEF", 2010), turned to the direction of the
// centre of mass (Rublee et al., "ORB", 2011), pairs are kept when the second-best is clearly worse, and one pair votes for a
// whole transformation (Lowe, "Distinctive image features from scale-invariant keypoints", 2004). The bits here come in two
// halves that mirroring swaps, so that a mirrored copy is found without describing the picture again.
//
// It is no proof: a logo or the frame of a program may be in many pictures. A person must look. What is found and what is
// not, and at what cost: docs/robustness.md.
package scene
