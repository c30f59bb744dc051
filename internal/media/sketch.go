package media

import (
	"image"
	"math"
)

// plane is a grey picture, 0 black to 1 white.
type plane struct {
	width, height int
	values        []float32
}

func newPlane(width, height int) plane {
	return plane{width, height, make([]float32, width*height)}
}

func (p plane) row(y int) []float32 { return p.values[y*p.width : (y+1)*p.width] }

// sketch draws a picture as a pencil would. The guided filter (He, Sun and
// Tang, "Guided Image Filtering", 2013) smooths texture away and keeps edges; a
// soft posterisation leaves a few light tones; and what is darker than its
// surroundings is shaded, also where two colours of the same lightness meet
// (a one-sided difference from a Gaussian mean, after Winnemöller, Kyprianidis
// and Olsen, "XDoG", 2012).
func sketch(picture *image.RGBA) *image.Gray {
	light, warm, cold := channels(picture)
	stretch(light)
	smooth := guided(light, 3, 0.004)
	lines := newPlane(light.width, light.height)
	for _, channel := range []plane{smooth, guided(warm, 4, 0.004), guided(cold, 4, 0.004)} {
		addShading(lines, channel)
	}
	flat := guided(guided(smooth, 4, 0.003), 8, 0.003)

	const (
		darkest = 0.66 // of the tones; only lines are darker
		ink     = 0.88
	)
	drawing := image.NewGray(image.Rect(0, 0, light.width, light.height))
	for i, value := range flat.values {
		tone := darkest + (1-darkest)*posterise(value)
		drawing.Pix[i] = uint8(255*min(1, max(0, tone*(1-ink*lines.values[i]))) + 0.5)
	}
	return drawing
}

// channels splits a picture into lightness, with the weights of Rec. 709 on
// the stored values, and its differences to red and to blue.
func channels(picture *image.RGBA) (light, warm, cold plane) {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	light, warm, cold = newPlane(width, height), newPlane(width, height), newPlane(width, height)
	for y := range height {
		line := picture.Pix[y*picture.Stride:]
		for x := range width {
			red, green, blue := float32(line[4*x])/255, float32(line[4*x+1])/255, float32(line[4*x+2])/255
			at := y*width + x
			light.values[at] = min(1, 0.2126*red+0.7152*green+0.0722*blue)
			warm.values[at], cold.values[at] = red-light.values[at], blue-light.values[at]
		}
	}
	return light, warm, cold
}

// stretch spreads the values between the first and the last percentile over
// the whole range, at most threefold, so that a dull picture is drawn as
// clearly as a bright one and noise is not drawn at all.
func stretch(light plane) {
	var counts [256]int
	for _, value := range light.values {
		counts[int(value*255)]++
	}
	percentile := func(share int) float32 {
		seen := 0
		for level, count := range counts {
			if seen += count; seen*100 >= len(light.values)*share {
				return float32(level) / 255
			}
		}
		return 1
	}
	low, high := percentile(1), percentile(99)
	gain := min(3, 1/max(high-low, 1e-3))
	offset := low
	if gain == 3 {
		offset = (low+high)/2 - 0.5/gain
	}
	for i, value := range light.values {
		light.values[i] = min(1, max(0, (value-offset)*gain))
	}
}

// guided is the guided filter of a plane by itself: where the variance in the
// window is far below epsilon it is a mean, where it is far above nothing.
func guided(light plane, radius int, epsilon float32) plane {
	squares := newPlane(light.width, light.height)
	for i, value := range light.values {
		squares.values[i] = value * value
	}
	mean, meanSquare := windowMean(light, radius), windowMean(squares, radius)
	slope, offset := squares, newPlane(light.width, light.height)
	for i, m := range mean.values {
		variance := max(0, meanSquare.values[i]-m*m)
		slope.values[i] = variance / (variance + epsilon)
		offset.values[i] = m - slope.values[i]*m
	}
	slope, offset = windowMean(slope, radius), windowMean(offset, radius)
	for i, value := range light.values {
		offset.values[i] += slope.values[i] * value
	}
	return offset
}

// windowMean is the mean over a square window that is cut off at the borders.
// Both passes run along the rows, which is how memory lies.
func windowMean(source plane, radius int) plane {
	rows, result := newPlane(source.width, source.height), newPlane(source.width, source.height)
	for y := range source.height {
		from, to := source.row(y), rows.row(y)
		var sum float64
		for x := range min(radius, len(from)) {
			sum += float64(from[x])
		}
		for x := range to {
			if x+radius < len(from) {
				sum += float64(from[x+radius])
			}
			if x-radius-1 >= 0 {
				sum -= float64(from[x-radius-1])
			}
			to[x] = float32(sum / float64(min(x+radius, len(from)-1)-max(x-radius, 0)+1))
		}
	}
	sums := make([]float64, source.width)
	add := func(y int, sign float64) {
		for x, value := range rows.row(y) {
			sums[x] += sign * float64(value)
		}
	}
	for y := range min(radius, source.height) {
		add(y, 1)
	}
	for y := range source.height {
		if y+radius < source.height {
			add(y+radius, 1)
		}
		if y-radius-1 >= 0 {
			add(y-radius-1, -1)
		}
		share := 1 / float64(min(y+radius, source.height-1)-max(y-radius, 0)+1)
		for x, to := 0, result.row(y); x < len(to); x++ {
			to[x] = float32(sums[x] * share)
		}
	}
	return result
}

// gaussian blurs with a standard deviation in pixels; the border is repeated.
func gaussian(source plane, deviation float64) plane {
	radius := int(math.Ceil(3 * deviation))
	kernel := make([]float32, 2*radius+1)
	var total float32
	for i := range kernel {
		distance := float64(i - radius)
		kernel[i] = float32(math.Exp(-distance * distance / (2 * deviation * deviation)))
		total += kernel[i]
	}
	rows, result := newPlane(source.width, source.height), newPlane(source.width, source.height)
	padded := make([]float32, source.width+2*radius)
	for y := range source.height {
		from, to := source.row(y), rows.row(y)
		copy(padded[radius:], from)
		for i := range radius {
			padded[i], padded[radius+len(from)+i] = from[0], from[len(from)-1]
		}
		for x := range to {
			var sum float32
			for k, value := range padded[x : x+len(kernel)] {
				sum += kernel[k] * value
			}
			to[x] = sum / total
		}
	}
	for y := range source.height {
		to := result.row(y)
		for k, weight := range kernel {
			weight /= total
			for x, value := range rows.row(min(max(y+k-radius, 0), source.height-1)) {
				to[x] += weight * value
			}
		}
	}
	return result
}

// addShading raises lines, 0 paper to 1 ink, where a channel is below its
// surroundings, in proportion to how far: the dark side of an edge gets a
// stroke that is crisp at the edge and fades away from it. Differences below
// faint, the remains of texture, leave the paper white.
func addShading(lines, channel plane) {
	const (
		faint = 0.008
		width = 2.5 // of a stroke, in pixels
		press = 11  // how soon a stroke is black
	)
	around := gaussian(channel, width)
	for i, value := range channel.values {
		if below := around.values[i] - value - faint; below > 0 {
			lines.values[i] = max(lines.values[i], float32(math.Tanh(press*float64(below))))
		}
	}
}

// posterise gathers values around a few tones, with a short slope between two
// so that no false contour appears in a sky.
func posterise(value float32) float32 {
	const tones = 5
	scaled := float64(value) * (tones - 1)
	nearest := math.Round(scaled)
	return float32((nearest + 0.5*math.Tanh(6*(scaled-nearest))/math.Tanh(3)) / (tones - 1))
}
