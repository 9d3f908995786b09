/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switch of stacks for AAPCS64. The saved frame, from sp upwards:
 *   x29 x30, x19..x28, d8..d15                     (160 bytes)
 * It ends in a plain br: a ret would miss in the return predictor each time.
 */
	.text

/* Saves a pair at sp + at, said to the unwinder as well. */
	.macro	keep a, b, at
	stp	\a, \b, [sp, #\at]
	.cfi_offset \a, \at - 160
	.cfi_offset \b, \at - 152
	.endm

/* void context_switch(struct context *from, struct context *to) */
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, %function
	.p2align 4
context_switch:
	.cfi_startproc
	stp	x29, x30, [sp, #-160]!
	.cfi_def_cfa_offset 160
	.cfi_offset x29, -160
	.cfi_offset x30, -152
	keep	x19, x20, 16
	keep	x21, x22, 32
	keep	x23, x24, 48
	keep	x25, x26, 64
	keep	x27, x28, 80
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	ldr	x9, [x1]
	mov	sp, x9
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #160
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	mov	x9, x30
	br	x9
	.cfi_endproc
	.size	context_switch, . - context_switch

/* Where a new context begins: fn in x19, its argument in x20. */
	.type	context_start, %function
	.p2align 4
context_start:
	.cfi_startproc
	.cfi_undefined x30
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	context_start, . - context_start

/* void context_make(struct context *, void *low, void *high, void (*fn)(void *), void *arg)
 * Registers that are not set here begin with whatever lies there. */
	.globl	context_make
	.hidden	context_make
	.type	context_make, %function
	.p2align 4
context_make:
	.cfi_startproc
	and	x2, x2, #-16
	sub	x2, x2, #160
	adr	x9, context_start
	stp	xzr, x9, [x2]
	stp	x3, x4, [x2, #16]
	str	x2, [x0]
	ret
	.cfi_endproc
	.size	context_make, . - context_make

	.section .note.GNU-stack, "", %progbits
