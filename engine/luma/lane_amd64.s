//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// CELLS prepares what ADD takes: R11 and R13 are the two pairs of cells in the strip, R12 the weights of the lane.
#define CELLS(lane, strip) \
	MOVQ    lane, R12; \
	MOVQ    strip, AX; \
	MOVBLZX lane_at(R12), R11; \
	MOVBLZX (lane_at+1)(R12), R13; \
	LEAQ    (AX)(R11*4), R11; \
	LEAQ    (AX)(R13*4), R13; \
	ADDQ    $lane_weights, R12

// ADD adds a level, which is in all four parts of a register, of the step at (from)(at*8). It destroys both, R15 and X6.
#define ADD(level, from, at) \
	MOVWLZX step_strip(from)(at*8), R15; \
	MOVWLZX step_lane(from)(at*8), at; \
	MOVUPS  (R12)(at*1), X6; \
	MULPS   X6, level; \
	MOVSD   (R11)(R15*1), X6; \
	MOVHPS  (R13)(R15*1), X6; \
	ADDPS   level, X6; \
	MOVLPS  X6, (R11)(R15*1); \
	MOVHPS  X6, (R13)(R15*1)

// func addCoefficients(list []int32, steps *[64]step, l *lane, into *strip) (energy float64)
TEXT ·addCoefficients(SB), NOSPLIT, $0-56
	CELLS(l+32(FP), into+40(FP))
	MOVQ list_base+0(FP), SI
	MOVQ list_len+8(FP), DI
	LEAQ (SI)(DI*4), DI
	MOVQ steps+24(FP), DX
	XORPS X0, X0
	CMPQ SI, DI
	JAE  done

next:
	MOVL (SI), AX
	ADDQ $4, SI
	MOVL AX, CX
	SARL $8, AX
	ANDL $63, CX
	XORPS X1, X1
	CVTSL2SS AX, X1
	MULSS step_quantum(DX)(CX*8), X1
	CVTSS2SD X1, X2
	MULSD X2, X2
	ADDSD X2, X0
	SHUFPS $0, X1, X1
	ADD(X1, DX, CX)
	CMPQ SI, DI
	JB   next

done:
	MOVSD X0, energy+48(FP)
	RET

// ASK brings into AX the next bits, with which tables are asked.
#define ASK \
	MOVQ R8, AX; \
	SHRQ $(64-const_pairBits), AX

// TAKE goes along the step CX that the bits AX stand for, and adds its two coefficients, an absent one as nothing. DI is
// the code, R8 the window, R10 the place before. R9 is the number of valid bits, of which only the lower six bits
// are right after it. X0 are two parts of the energy.
#define TAKE \
	SHLQ    CX, R8; \
	SUBQ    CX, R9; \
	MOVQ    huffman_pairs(DI)(AX*8), X1; \
	MOVBLZX huffman_pairs(DI)(AX*8), CX; \
	MOVBLZX (huffman_pairs+4)(DI)(AX*8), BX; \
	PSRAL   $8, X1; \
	CVTPL2PS X1, X1; \
	MOVSS   step_quantum(R10)(CX*8), X2; \
	MOVSS   step_quantum(R10)(BX*8), X3; \
	UNPCKLPS X3, X2; \
	MULPS   X2, X1; \
	CVTPS2PD X1, X4; \
	MULPD   X4, X4; \
	ADDPD   X4, X0; \
	MOVAPS  X1, X2; \
	SHUFPS  $0x00, X1, X1; \
	SHUFPS  $0x55, X2, X2; \
	ADD(X1, R10, CX); \
	ADD(X2, R10, BX)

// STEP takes one step, unless it leads out of the block. R14 is the last place but one; DX becomes the place after it.
#define STEP \
	MOVWLZX huffman_steps(DI)(AX*2), CX; \
	MOVL CX, DX; \
	SHRL $8, DX; \
	LEAQ (R10)(DX*8), DX; \
	CMPQ DX, R14; \
	JHI  out; \
	TAKE; \
	MOVQ DX, R10; \
	ASK

// Places are kept as where their steps are.
//
// func readCoefficients(w *walk, data []byte, h *huffman, steps *[64]step, l *lane, into *strip) (after uint)
TEXT ·readCoefficients(SB), NOSPLIT, $0-72
	CELLS(l+48(FP), into+56(FP))
	MOVQ  w+0(FP), BX
	MOVQ  (walk_bits+bits_window)(BX), R8
	MOVQ  (walk_bits+bits_valid)(BX), R9
	MOVQ  (walk_bits+bits_next)(BX), SI
	MOVQ  walk_place(BX), R10
	MOVSD walk_energy(BX), X0
	MOVQ  h+32(FP), DI
	MOVQ  steps+40(FP), R14
	LEAQ  (R14)(R10*8), R10
	ADDQ  $(62*step__size), R14
	ASK

refill:
	// As bits.refill, behind the table's back. Data have a padding: there is always more of them.
	LEAQ   8(SI), CX
	CMPQ   CX, data_len+16(FP)
	JHI    beyond
	MOVQ   data_base+8(FP), BX
	MOVQ   (BX)(SI*1), BX
	BSWAPQ BX
	ANDL   $63, R9
	MOVL   R9, CX
	SHRQ   CX, BX
	XORL   $63, CX
	SHRL   $3, CX
	ORQ    BX, R8
	ADDQ   CX, SI
	ORL    $56, R9
	STEP // stepsARefill times
	STEP
	STEP
	JMP    refill

out:
	// An end of block?
	LEAQ (-const_endOfBlock*8)(DX), BX
	CMPQ BX, R14
	JHI  stop
	CMPQ BX, R10
	JB   stop
	TAKE
	JMP  stop

beyond:
	LEAQ (const_unknown*8)(R10), DX

stop:
	MOVQ  steps+40(FP), AX
	SUBQ  AX, R10
	SUBQ  AX, DX
	SHRQ  $3, R10
	SHRQ  $3, DX
	MOVQ  DX, after+64(FP)
	MOVQ  w+0(FP), BX
	ANDL  $63, R9
	MOVQ  R8, (walk_bits+bits_window)(BX)
	MOVQ  R9, (walk_bits+bits_valid)(BX)
	MOVQ  SI, (walk_bits+bits_next)(BX)
	MOVQ  R10, walk_place(BX)
	MOVAPS X0, X1
	UNPCKHPD X1, X1
	ADDSD X1, X0
	MOVSD X0, walk_energy(BX)
	RET
