//go:build !purego

#include "textflag.h"

// How many bits are set in a value of four bits, for both lanes of a register.
DATA counts<>+0(SB)/8, $0x0302020102010100
DATA counts<>+8(SB)/8, $0x0403030203020201
DATA counts<>+16(SB)/8, $0x0302020102010100
DATA counts<>+24(SB)/8, $0x0403030203020201
GLOBL counts<>(SB), RODATA|NOPTR, $32

DATA lowNibbles<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL lowNibbles<>(SB), RODATA|NOPTR, $8

DATA oneBytes<>+0(SB)/8, $0x0101010101010101
GLOBL oneBytes<>(SB), RODATA|NOPTR, $8

DATA oneWords<>+0(SB)/8, $0x0001000100010001
GLOBL oneWords<>(SB), RODATA|NOPTR, $8

// func cpuid(leaf, part uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL part+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	MOVL DX, d+20(FP)
	RET

// func xgetbv() (low uint32)
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, low+0(FP)
	RET

// A run has 16 bytes: value, from, to, allowed and probe (2 bytes each). A view has
// 32: offsets, following, wanted.

// func fetchOffsets(runs *run, count int, views *probeView)
TEXT ·fetchOffsets(SB), NOSPLIT, $0-24
	MOVQ runs+0(FP), AX
	MOVQ count+8(FP), BX
	MOVQ views+16(FP), CX
	SHLQ $4, BX
	ADDQ AX, BX

offsetsNext:
	CMPQ AX, BX
	JAE  offsetsDone
	MOVWLZX 14(AX), R10
	SHLQ $5, R10
	MOVQ (CX)(R10*1), R11
	MOVL (AX), SI
	PREFETCHT0 (R11)(SI*4)
	ADDQ $16, AX
	JMP  offsetsNext

offsetsDone:
	RET

// func fetchFollowing(runs *run, count int, views *probeView, shift int)
TEXT ·fetchFollowing(SB), NOSPLIT, $0-32
	MOVQ runs+0(FP), AX
	MOVQ count+8(FP), BX
	MOVQ views+16(FP), DX
	MOVQ shift+24(FP), CX
	SHLQ $4, BX
	ADDQ AX, BX

followingNext:
	CMPQ AX, BX
	JAE  followingDone
	MOVWLZX 14(AX), R10
	SHLQ $5, R10
	MOVQ 8(DX)(R10*1), R11
	MOVL 4(AX), SI
	MOVL 8(AX), DI
	SHLQ CX, SI
	SHLQ CX, DI
	PREFETCHT0 (R11)(SI*1)
	PREFETCHT0 -1(R11)(DI*1)
	ADDQ $16, AX
	JMP  followingNext

followingDone:
	RET

// func scanRuns16(runs *run, count int, views *probeView, out *candidate, room int) (done, found int)
TEXT ·scanRuns16(SB), NOSPLIT, $0-56
	MOVQ runs+0(FP), AX
	MOVQ count+8(FP), BX
	MOVQ views+16(FP), CX
	MOVQ out+24(FP), DX
	MOVQ room+32(FP), R8
	SHLQ $4, BX
	ADDQ AX, BX
	SUBQ $16, R8
	SHLQ $3, R8
	ADDQ DX, R8
	VMOVDQU counts<>(SB), Y8
	VPBROADCASTQ lowNibbles<>(SB), Y9
	VPBROADCASTQ oneBytes<>(SB), Y10

run16:
	CMPQ AX, BX
	JAE  done16
	MOVL 4(AX), SI
	MOVL 8(AX), DI
	CMPQ SI, DI
	JAE  next16
	MOVWLZX 12(AX), R9
	MOVWLZX 14(AX), R10
	MOVQ R10, R14
	SHLQ $5, R14
	MOVQ 8(CX)(R14*1), R11
	VPBROADCASTW 16(CX)(R14*1), Y1
	INCL R9
	VMOVD R9, X2
	VPBROADCASTW X2, Y2

vector16:
	CMPQ DX, R8
	JA   full16
	VPXOR (R11)(SI*2), Y1, Y3
	VPAND Y3, Y9, Y4
	VPSRLW $4, Y3, Y3
	VPAND Y3, Y9, Y3
	VPSHUFB Y4, Y8, Y4
	VPSHUFB Y3, Y8, Y3
	VPADDB Y3, Y4, Y3
	VPMADDUBSW Y10, Y3, Y3
	VPCMPGTW Y3, Y2, Y3
	VPMOVMSKB Y3, R12
	TESTL R12, R12
	JNZ  some16

more16:
	ADDQ $16, SI
	CMPQ SI, DI
	JB   vector16

next16:
	ADDQ $16, AX
	JMP  run16

some16:
	MOVQ DI, R13
	SUBQ SI, R13
	CMPQ R13, $16
	JAE  each16
	MOVQ CX, R15
	MOVQ R13, CX
	SHLQ $1, CX
	MOVQ $1, R13
	SHLQ CX, R13
	DECQ R13
	ANDL R13, R12
	MOVQ R15, CX
	TESTL R12, R12
	JZ   more16

each16:
	BSFL R12, R13
	SHRL $1, R13
	ADDL SI, R13
	MOVL R13, (DX)
	MOVL R10, 4(DX)
	ADDQ $8, DX
	LEAL -1(R12), R13
	ANDL R13, R12
	LEAL -1(R12), R13
	ANDL R13, R12
	JNZ  each16
	JMP  more16

full16:
	MOVL SI, 4(AX)

done16:
	VZEROUPPER
	SUBQ runs+0(FP), AX
	SHRQ $4, AX
	MOVQ AX, done+40(FP)
	SUBQ out+24(FP), DX
	SHRQ $3, DX
	MOVQ DX, found+48(FP)
	RET

// func scanRuns32(runs *run, count int, views *probeView, out *candidate, room int) (done, found int)
TEXT ·scanRuns32(SB), NOSPLIT, $0-56
	MOVQ runs+0(FP), AX
	MOVQ count+8(FP), BX
	MOVQ views+16(FP), CX
	MOVQ out+24(FP), DX
	MOVQ room+32(FP), R8
	SHLQ $4, BX
	ADDQ AX, BX
	SUBQ $8, R8
	SHLQ $3, R8
	ADDQ DX, R8
	VMOVDQU counts<>(SB), Y8
	VPBROADCASTQ lowNibbles<>(SB), Y9
	VPBROADCASTQ oneBytes<>(SB), Y10
	VPBROADCASTQ oneWords<>(SB), Y11

run32:
	CMPQ AX, BX
	JAE  done32
	MOVL 4(AX), SI
	MOVL 8(AX), DI
	CMPQ SI, DI
	JAE  next32
	MOVWLZX 12(AX), R9
	MOVWLZX 14(AX), R10
	MOVQ R10, R14
	SHLQ $5, R14
	MOVQ 8(CX)(R14*1), R11
	VPBROADCASTD 16(CX)(R14*1), Y1
	INCL R9
	VMOVD R9, X2
	VPBROADCASTD X2, Y2

vector32:
	CMPQ DX, R8
	JA   full32
	VPXOR (R11)(SI*4), Y1, Y3
	VPAND Y3, Y9, Y4
	VPSRLW $4, Y3, Y3
	VPAND Y3, Y9, Y3
	VPSHUFB Y4, Y8, Y4
	VPSHUFB Y3, Y8, Y3
	VPADDB Y3, Y4, Y3
	VPMADDUBSW Y10, Y3, Y3
	VPMADDWD Y11, Y3, Y3
	VPCMPGTD Y3, Y2, Y3
	VMOVMSKPS Y3, R12
	TESTL R12, R12
	JNZ  some32

more32:
	ADDQ $8, SI
	CMPQ SI, DI
	JB   vector32

next32:
	ADDQ $16, AX
	JMP  run32

some32:
	MOVQ DI, R13
	SUBQ SI, R13
	CMPQ R13, $8
	JAE  each32
	MOVQ CX, R15
	MOVQ R13, CX
	MOVQ $1, R13
	SHLQ CX, R13
	DECQ R13
	ANDL R13, R12
	MOVQ R15, CX
	TESTL R12, R12
	JZ   more32

each32:
	BSFL R12, R13
	ADDL SI, R13
	MOVL R13, (DX)
	MOVL R10, 4(DX)
	ADDQ $8, DX
	LEAL -1(R12), R13
	ANDL R13, R12
	JNZ  each32
	JMP  more32

full32:
	MOVL SI, 4(AX)

done32:
	VZEROUPPER
	SUBQ runs+0(FP), AX
	SHRQ $4, AX
	MOVQ AX, done+40(FP)
	SUBQ out+24(FP), DX
	SHRQ $3, DX
	MOVQ DX, found+48(FP)
	RET

// func scanCodes(codes *Code, count int, query *Code, radius int, out *place, room int) (done, found int)
TEXT ·scanCodes(SB), NOSPLIT, $0-64
	MOVQ codes+0(FP), AX
	MOVQ count+8(FP), BX
	MOVQ query+16(FP), CX
	MOVQ radius+24(FP), R9
	MOVQ out+32(FP), DX
	MOVQ room+40(FP), R8
	SUBQ $4, R8
	SHLQ $3, R8
	ADDQ DX, R8
	VMOVDQU (CX), Y0
	VMOVDQU counts<>(SB), Y8
	VPBROADCASTQ lowNibbles<>(SB), Y9
	VPXOR Y10, Y10, Y10
	INCL R9
	VMOVD R9, X11
	VPBROADCASTW X11, X11
	XORL SI, SI

codes4:
	LEAQ 4(SI), DI
	CMPQ DI, BX
	JA   codesDone
	CMPQ DX, R8
	JA   codesDone
	VPXOR (AX), Y0, Y1
	VPXOR 32(AX), Y0, Y2
	VPXOR 64(AX), Y0, Y3
	VPXOR 96(AX), Y0, Y4
	VPAND Y1, Y9, Y5
	VPAND Y2, Y9, Y6
	VPAND Y3, Y9, Y7
	VPAND Y4, Y9, Y12
	VPSRLW $4, Y1, Y1
	VPSRLW $4, Y2, Y2
	VPSRLW $4, Y3, Y3
	VPSRLW $4, Y4, Y4
	VPAND Y1, Y9, Y1
	VPAND Y2, Y9, Y2
	VPAND Y3, Y9, Y3
	VPAND Y4, Y9, Y4
	VPSHUFB Y5, Y8, Y5
	VPSHUFB Y6, Y8, Y6
	VPSHUFB Y7, Y8, Y7
	VPSHUFB Y12, Y8, Y12
	VPSHUFB Y1, Y8, Y1
	VPSHUFB Y2, Y8, Y2
	VPSHUFB Y3, Y8, Y3
	VPSHUFB Y4, Y8, Y4
	VPADDB Y1, Y5, Y1
	VPADDB Y2, Y6, Y2
	VPADDB Y3, Y7, Y3
	VPADDB Y4, Y12, Y4
	VPSADBW Y1, Y10, Y1
	VPSADBW Y2, Y10, Y2
	VPSADBW Y3, Y10, Y3
	VPSADBW Y4, Y10, Y4
	// The counts of the four codes go side by side into the lanes of each quarter, and the quarters are added.
	VPSLLQ $16, Y2, Y2
	VPSLLQ $32, Y3, Y3
	VPSLLQ $48, Y4, Y4
	VPOR Y1, Y2, Y1
	VPOR Y3, Y4, Y3
	VPOR Y1, Y3, Y1
	VEXTRACTI128 $1, Y1, X2
	VPADDW X1, X2, X1
	VPSRLDQ $8, X1, X2
	VPADDW X1, X2, X1
	VPCMPGTW X1, X11, X2
	VMOVQ X2, R12
	TESTQ R12, R12
	JNZ  codesSome

codesMore:
	ADDQ $128, AX
	MOVQ DI, SI
	JMP  codes4

codesSome:
	VMOVQ X1, R13

codesEach:
	TESTL $1, R12
	JZ   codesSkip
	MOVWLZX R13, R10
	MOVL SI, (DX)
	MOVL R10, 4(DX)
	ADDQ $8, DX

codesSkip:
	INCL SI
	SHRQ $16, R13
	SHRQ $16, R12
	JNZ  codesEach
	JMP  codesMore

codesDone:
	VZEROUPPER
	MOVQ SI, done+48(FP)
	SUBQ out+32(FP), DX
	SHRQ $3, DX
	MOVQ DX, found+56(FP)
	RET
