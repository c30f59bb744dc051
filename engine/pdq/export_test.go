package pdq

import "image"

// ReferenceVariants are the variants as the reference makes them: of the samples of the picture, and not of its mirror
// images.
func ReferenceVariants(img image.Image) Variants {
	_, cells := compute(img)
	f := Fingerprint{}
	f.hash(&views{{cells, cells}, {cells, cells}})
	return f.Variants
}
