package luma

// Constants of the inverse transform, times 1<<13.
const (
	fix0298 = 2446
	fix0390 = 3196
	fix0541 = 4433
	fix0765 = 6270
	fix0899 = 7373
	fix1175 = 9633
	fix1501 = 12299
	fix1847 = 15137
	fix1961 = 16069
	fix2053 = 16819
	fix2562 = 20995
	fix3072 = 25172
)

// toLevels transforms a block's coefficients to levels, shifted by 128 and rounded,
// not yet brought into their range: the algorithm of Loeffler, Ligtenberg and
// Moschytz ("Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989)
// in 13 fractional bits, with two kept between its passes, so that its rounding is
// that of the common decoders.
func toLevels(b *[blockSide * blockSide]int32) {
	for x := range blockSide {
		column := (*[57]int32)(b[x:])
		if column[8]|column[16]|column[24]|column[32]|column[40]|column[48]|column[56] == 0 {
			mean := column[0] << 2
			for y := 0; y < 64; y += 8 {
				column[y] = mean
			}
			continue
		}
		e, o := halves(column[0], column[8], column[16], column[24], column[32], column[40], column[48], column[56])
		for k := range 4 {
			column[8*k] = (e[k] + o[k] + 1<<10) >> 11
			column[8*(7-k)] = (e[k] - o[k] + 1<<10) >> 11
		}
	}
	for y := 0; y < 64; y += 8 {
		row := (*[8]int32)(b[y:])
		e, o := halves(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])
		for k := range 4 {
			row[k] = (e[k]+o[k]+1<<17)>>18 + 128
			row[7-k] = (e[k]-o[k]+1<<17)>>18 + 128
		}
	}
}

// halves are the even and the odd part of one dimension, times 1<<13.
func halves(c0, c1, c2, c3, c4, c5, c6, c7 int32) (even, odd [4]int32) {
	z := (c2 + c6) * fix0541
	low, high := z-c6*fix1847, z+c2*fix0765
	sum, difference := (c0+c4)<<13, (c0-c4)<<13
	even = [4]int32{sum + high, difference + low, difference - low, sum - high}

	z1, z2, z3, z4 := c7+c1, c5+c3, c7+c3, c5+c1
	z5 := (z3 + z4) * fix1175
	z1, z2 = -z1*fix0899, -z2*fix2562
	z3, z4 = z5-z3*fix1961, z5-z4*fix0390
	odd = [4]int32{c1*fix1501 + z1 + z4, c3*fix3072 + z2 + z3, c5*fix2053 + z2 + z4, c7*fix0298 + z1 + z3}
	return even, odd
}
