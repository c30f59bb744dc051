//go:build !purego

#include "textflag.h"

// A step has 8 bytes: its quantum, its row and its column. A lane has its two cells in two bytes, two bytes
// of nothing, and 8 rows of 4 weights. A strip has 8 rows of 1024 bytes.

// func addCoefficients(list []int32, steps *[64]step, l *lane, into *strip) (energy float32)
TEXT ·addCoefficients(SB), NOSPLIT, $0-52
	MOVQ list_base+0(FP), SI
	MOVQ list_len+8(FP), CX
	MOVQ steps+24(FP), DX
	MOVQ l+32(FP), R8
	MOVQ into+40(FP), DI
	LEAQ (SI)(CX*4), CX
	MOVBLZX 0(R8), R9
	MOVBLZX 1(R8), R10
	LEAQ (DI)(R9*4), R9   // the first pair of cells in the strip
	LEAQ (DI)(R10*4), R10 // the second
	ADDQ $4, R8           // the weights
	XORPS X0, X0          // the energy
	CMPQ SI, CX
	JAE  done

next:
	MOVL (SI), AX
	ADDQ $4, SI
	MOVL AX, BX
	SARL $8, AX             // the value
	ANDL $63, BX            // the place
	XORPS X1, X1
	CVTSL2SS AX, X1
	MOVBLZX 4(DX)(BX*8), R11
	MOVBLZX 5(DX)(BX*8), R12
	MULSS (DX)(BX*8), X1    // the level
	SHLL $10, R11           // the row of the strip
	SHLL $4, R12            // the weights of the column
	MOVSD (R9)(R11*1), X4
	MOVAPS X1, X2
	SHUFPS $0, X1, X1
	MULSS X2, X2
	MOVUPS (R8)(R12*1), X3
	MOVHPS (R10)(R11*1), X4
	MULPS X3, X1
	ADDSS X2, X0
	ADDPS X1, X4
	MOVLPS X4, (R9)(R11*1)
	MOVHPS X4, (R10)(R11*1)
	CMPQ SI, CX
	JB   next

done:
	MOVSS X0, energy+48(FP)
	RET
