//go:build !purego

#include "textflag.h"

// The three digests wait for their own results most of the time, MD5 most of all. Here they wait at the same time: a quarter
// of a round of MD5 (RFC 1321), in general registers, is followed by what SHA-256 and SHA-1 (FIPS 180-4) do meanwhile with
// the instructions that processors have for them.
//
// MD5: AX, BX, CX, DX; the block at SI.
// SHA-1: X1 has A, B, C and D, X2 and X3 have E by turns, X4 to X7 the message.
// SHA-256: X8 has A, B, E and F, X9 has C, D, G and H, X11 to X14 the message; X0 and X10 are free.

#define STEP1(a, b, c, d, word, constant, turn) \
	ADDL (4*word)(SI), a; \
	MOVL c, R8;           \
	ADDL $constant, a;    \
	XORL d, R8;           \
	ANDL b, R8;           \
	XORL d, R8;           \
	ADDL R8, a;           \
	ROLL $turn, a;        \
	ADDL b, a

// The two halves of this function have no bit in common, so they can be added one after the other: the first need not wait
// for b.
#define STEP2(a, b, c, d, word, constant, turn) \
	ADDL (4*word)(SI), a; \
	MOVL d, R8;           \
	ADDL $constant, a;    \
	NOTL R8;              \
	MOVL d, R9;           \
	ANDL c, R8;           \
	ADDL R8, a;           \
	ANDL b, R9;           \
	ADDL R9, a;           \
	ROLL $turn, a;        \
	ADDL b, a

#define STEP3(a, b, c, d, word, constant, turn) \
	ADDL (4*word)(SI), a; \
	MOVL c, R8;           \
	ADDL $constant, a;    \
	XORL d, R8;           \
	XORL b, R8;           \
	ADDL R8, a;           \
	ROLL $turn, a;        \
	ADDL b, a

#define STEP4(a, b, c, d, word, constant, turn) \
	ADDL (4*word)(SI), a; \
	MOVL d, R8;           \
	ADDL $constant, a;    \
	NOTL R8;              \
	ORL  b, R8;           \
	XORL c, R8;           \
	ADDL R8, a;           \
	ROLL $turn, a;        \
	ADDL b, a

// Four rounds of SHA-1. The last E and what is added to it make the next.
#define SHA1(round, message, e, next) \
	SHA1NEXTE message, e; \
	MOVO      X1, next;   \
	SHA1RNDS4 $round, e, X1

// The next four words of the message, in the place of the first of the last sixteen.
#define MORE1(m0, m1, m2, m3) \
	SHA1MSG1 m1, m0; \
	PXOR     m2, m0; \
	SHA1MSG2 m3, m0

// Four rounds of SHA-256.
#define SHA256(group, message) \
	MOVO        message, X0;                  \
	PADDD       constants<>+(16*group)(SB), X0; \
	SHA256RNDS2 X0, X8, X9;                   \
	PSHUFD      $0x0e, X0, X0;                \
	SHA256RNDS2 X0, X9, X8

#define MORE256(m0, m1, m2, m3) \
	SHA256MSG1 m1, m0;      \
	MOVO       m3, X10;     \
	PALIGNR    $4, m2, X10; \
	PADDD      X10, m0;     \
	SHA256MSG2 m3, m0

// func addBlocks(s *states, data []byte)
TEXT ·addBlocks(SB), NOSPLIT, $64-32
	MOVQ  s+0(FP), DI
	MOVQ  data_base+8(FP), SI
	MOVQ  data_len+16(FP), R10
	ADDQ  SI, R10
	MOVL  0(DI), AX
	MOVL  4(DI), BX
	MOVL  8(DI), CX
	MOVL  12(DI), DX
	MOVOU 16(DI), X1
	MOVOU 32(DI), X2
	MOVOU 48(DI), X8
	MOVOU 64(DI), X9

block:
	MOVL   AX, R11
	MOVL   BX, R12
	MOVL   CX, R13
	MOVL   DX, R14
	MOVOU  X1, 0(SP)
	MOVOU  X2, 16(SP)
	MOVOU  X8, 32(SP)
	MOVOU  X9, 48(SP)

	MOVOU  0(SI), X4
	MOVOU  16(SI), X5
	MOVOU  32(SI), X6
	MOVOU  48(SI), X7
	MOVO   X4, X11
	MOVO   X5, X12
	MOVO   X6, X13
	MOVO   X7, X14
	PSHUFB backwards<>(SB), X4
	PSHUFB backwards<>(SB), X5
	PSHUFB backwards<>(SB), X6
	PSHUFB backwards<>(SB), X7
	PSHUFB swapped<>(SB), X11
	PSHUFB swapped<>(SB), X12
	PSHUFB swapped<>(SB), X13
	PSHUFB swapped<>(SB), X14

	STEP1(AX, BX, CX, DX, 0, 0xd76aa478, 7)
	STEP1(DX, AX, BX, CX, 1, 0xe8c7b756, 12)
	STEP1(CX, DX, AX, BX, 2, 0x242070db, 17)
	STEP1(BX, CX, DX, AX, 3, 0xc1bdceee, 22)
	SHA256(0, X11)
	PADDD X4, X2
	MOVO  X1, X3
	SHA1RNDS4 $0, X2, X1

	STEP1(AX, BX, CX, DX, 4, 0xf57c0faf, 7)
	STEP1(DX, AX, BX, CX, 5, 0x4787c62a, 12)
	STEP1(CX, DX, AX, BX, 6, 0xa8304613, 17)
	STEP1(BX, CX, DX, AX, 7, 0xfd469501, 22)
	SHA256(1, X12)
	SHA1(0, X5, X3, X2)

	STEP1(AX, BX, CX, DX, 8, 0x698098d8, 7)
	STEP1(DX, AX, BX, CX, 9, 0x8b44f7af, 12)
	STEP1(CX, DX, AX, BX, 10, 0xffff5bb1, 17)
	STEP1(BX, CX, DX, AX, 11, 0x895cd7be, 22)
	SHA256(2, X13)
	SHA1(0, X6, X2, X3)

	STEP1(AX, BX, CX, DX, 12, 0x6b901122, 7)
	STEP1(DX, AX, BX, CX, 13, 0xfd987193, 12)
	STEP1(CX, DX, AX, BX, 14, 0xa679438e, 17)
	STEP1(BX, CX, DX, AX, 15, 0x49b40821, 22)
	SHA256(3, X14)
	SHA1(0, X7, X3, X2)
	MORE1(X4, X5, X6, X7)
	SHA1(0, X4, X2, X3)

	STEP2(AX, BX, CX, DX, 1, 0xf61e2562, 5)
	STEP2(DX, AX, BX, CX, 6, 0xc040b340, 9)
	STEP2(CX, DX, AX, BX, 11, 0x265e5a51, 14)
	STEP2(BX, CX, DX, AX, 0, 0xe9b6c7aa, 20)
	MORE256(X11, X12, X13, X14)
	SHA256(4, X11)
	MORE1(X5, X6, X7, X4)
	SHA1(1, X5, X3, X2)

	STEP2(AX, BX, CX, DX, 5, 0xd62f105d, 5)
	STEP2(DX, AX, BX, CX, 10, 0x02441453, 9)
	STEP2(CX, DX, AX, BX, 15, 0xd8a1e681, 14)
	STEP2(BX, CX, DX, AX, 4, 0xe7d3fbc8, 20)
	MORE256(X12, X13, X14, X11)
	SHA256(5, X12)
	MORE1(X6, X7, X4, X5)
	SHA1(1, X6, X2, X3)

	STEP2(AX, BX, CX, DX, 9, 0x21e1cde6, 5)
	STEP2(DX, AX, BX, CX, 14, 0xc33707d6, 9)
	STEP2(CX, DX, AX, BX, 3, 0xf4d50d87, 14)
	STEP2(BX, CX, DX, AX, 8, 0x455a14ed, 20)
	MORE256(X13, X14, X11, X12)
	SHA256(6, X13)
	MORE1(X7, X4, X5, X6)
	SHA1(1, X7, X3, X2)

	STEP2(AX, BX, CX, DX, 13, 0xa9e3e905, 5)
	STEP2(DX, AX, BX, CX, 2, 0xfcefa3f8, 9)
	STEP2(CX, DX, AX, BX, 7, 0x676f02d9, 14)
	STEP2(BX, CX, DX, AX, 12, 0x8d2a4c8a, 20)
	MORE256(X14, X11, X12, X13)
	SHA256(7, X14)
	MORE1(X4, X5, X6, X7)
	SHA1(1, X4, X2, X3)
	MORE1(X5, X6, X7, X4)
	SHA1(1, X5, X3, X2)

	STEP3(AX, BX, CX, DX, 5, 0xfffa3942, 4)
	STEP3(DX, AX, BX, CX, 8, 0x8771f681, 11)
	STEP3(CX, DX, AX, BX, 11, 0x6d9d6122, 16)
	STEP3(BX, CX, DX, AX, 14, 0xfde5380c, 23)
	MORE256(X11, X12, X13, X14)
	SHA256(8, X11)
	MORE1(X6, X7, X4, X5)
	SHA1(2, X6, X2, X3)

	STEP3(AX, BX, CX, DX, 1, 0xa4beea44, 4)
	STEP3(DX, AX, BX, CX, 4, 0x4bdecfa9, 11)
	STEP3(CX, DX, AX, BX, 7, 0xf6bb4b60, 16)
	STEP3(BX, CX, DX, AX, 10, 0xbebfbc70, 23)
	MORE256(X12, X13, X14, X11)
	SHA256(9, X12)
	MORE1(X7, X4, X5, X6)
	SHA1(2, X7, X3, X2)

	STEP3(AX, BX, CX, DX, 13, 0x289b7ec6, 4)
	STEP3(DX, AX, BX, CX, 0, 0xeaa127fa, 11)
	STEP3(CX, DX, AX, BX, 3, 0xd4ef3085, 16)
	STEP3(BX, CX, DX, AX, 6, 0x04881d05, 23)
	MORE256(X13, X14, X11, X12)
	SHA256(10, X13)
	MORE1(X4, X5, X6, X7)
	SHA1(2, X4, X2, X3)

	STEP3(AX, BX, CX, DX, 9, 0xd9d4d039, 4)
	STEP3(DX, AX, BX, CX, 12, 0xe6db99e5, 11)
	STEP3(CX, DX, AX, BX, 15, 0x1fa27cf8, 16)
	STEP3(BX, CX, DX, AX, 2, 0xc4ac5665, 23)
	MORE256(X14, X11, X12, X13)
	SHA256(11, X14)
	MORE1(X5, X6, X7, X4)
	SHA1(2, X5, X3, X2)
	MORE1(X6, X7, X4, X5)
	SHA1(2, X6, X2, X3)

	STEP4(AX, BX, CX, DX, 0, 0xf4292244, 6)
	STEP4(DX, AX, BX, CX, 7, 0x432aff97, 10)
	STEP4(CX, DX, AX, BX, 14, 0xab9423a7, 15)
	STEP4(BX, CX, DX, AX, 5, 0xfc93a039, 21)
	MORE256(X11, X12, X13, X14)
	SHA256(12, X11)
	MORE1(X7, X4, X5, X6)
	SHA1(3, X7, X3, X2)

	STEP4(AX, BX, CX, DX, 12, 0x655b59c3, 6)
	STEP4(DX, AX, BX, CX, 3, 0x8f0ccc92, 10)
	STEP4(CX, DX, AX, BX, 10, 0xffeff47d, 15)
	STEP4(BX, CX, DX, AX, 1, 0x85845dd1, 21)
	MORE256(X12, X13, X14, X11)
	SHA256(13, X12)
	MORE1(X4, X5, X6, X7)
	SHA1(3, X4, X2, X3)

	STEP4(AX, BX, CX, DX, 8, 0x6fa87e4f, 6)
	STEP4(DX, AX, BX, CX, 15, 0xfe2ce6e0, 10)
	STEP4(CX, DX, AX, BX, 6, 0xa3014314, 15)
	STEP4(BX, CX, DX, AX, 13, 0x4e0811a1, 21)
	MORE256(X13, X14, X11, X12)
	SHA256(14, X13)
	MORE1(X5, X6, X7, X4)
	SHA1(3, X5, X3, X2)

	STEP4(AX, BX, CX, DX, 4, 0xf7537e82, 6)
	STEP4(DX, AX, BX, CX, 11, 0xbd3af235, 10)
	STEP4(CX, DX, AX, BX, 2, 0x2ad7d2bb, 15)
	STEP4(BX, CX, DX, AX, 9, 0xeb86d391, 21)
	MORE256(X14, X11, X12, X13)
	SHA256(15, X14)
	MORE1(X6, X7, X4, X5)
	SHA1(3, X6, X2, X3)
	MORE1(X7, X4, X5, X6)
	SHA1(3, X7, X3, X2)

	ADDL      R11, AX
	ADDL      R12, BX
	ADDL      R13, CX
	ADDL      R14, DX
	MOVOU     0(SP), X0
	PADDD     X0, X1
	MOVOU     16(SP), X0
	SHA1NEXTE X0, X2
	MOVOU     32(SP), X0
	PADDD     X0, X8
	MOVOU     48(SP), X0
	PADDD     X0, X9
	ADDQ      $64, SI
	CMPQ      SI, R10
	JB        block

	MOVL  AX, 0(DI)
	MOVL  BX, 4(DI)
	MOVL  CX, 8(DI)
	MOVL  DX, 12(DI)
	MOVOU X1, 16(DI)
	MOVOU X2, 32(DI)
	MOVOU X8, 48(DI)
	MOVOU X9, 64(DI)
	RET

// func hasInstructions() bool
TEXT ·hasInstructions(SB), NOSPLIT, $0-1
	XORL  AX, AX
	XORL  CX, CX
	CPUID
	CMPL  AX, $7
	JB    no
	MOVL  $1, AX
	XORL  CX, CX
	CPUID
	MOVL  CX, R8 // SSSE3 is bit 9, SSE4.1 bit 19
	MOVL  $7, AX
	XORL  CX, CX
	CPUID
	ANDL  $(1<<9 | 1<<19), R8
	CMPL  R8, $(1<<9 | 1<<19)
	JNE   no
	SHRL  $29, BX // SHA
	ANDL  $1, BX
	MOVB  BX, ret+0(FP)
	RET

no:
	MOVB $0, ret+0(FP)
	RET

// Masks that put 16 bytes, and the bytes of each of four words, into the opposite order.
DATA backwards<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA backwards<>+8(SB)/8, $0x0001020304050607
GLOBL backwards<>(SB), RODATA|NOPTR, $16

DATA swapped<>+0(SB)/8, $0x0405060700010203
DATA swapped<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL swapped<>(SB), RODATA|NOPTR, $16

// The constants of SHA-256 (FIPS 180-4, 4.2.2).
DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256
