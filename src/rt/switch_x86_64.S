/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switch of stacks for the System V ABI. The saved frame, from sp upwards:
 *   r15 r14 r13 r12 rbx rbp, return address
 * It ends in pop + jmp: a ret would go to another place than its call came from, and the return
 * predictor would miss each time (about 7 ns).
 */
	.text

/* Push and pop, said to the unwinder as well. */
	.macro	keep reg
	pushq	\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm
	.macro	give reg
	popq	\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm

/* void context_switch(struct context *from, struct context *to) */
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
	.p2align 4
context_switch:
	.cfi_startproc
	keep	%rbp
	keep	%rbx
	keep	%r12
	keep	%r13
	keep	%r14
	keep	%r15
	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp
	give	%r15
	give	%r14
	give	%r13
	give	%r12
	give	%rbx
	give	%rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmp	*%rcx
	.cfi_endproc
	.size	context_switch, . - context_switch

/* Where a new context begins: fn in r12, its argument in r13, rsp aligned to 16. */
	.type	context_start, @function
	.p2align 4
context_start:
	.cfi_startproc
	.cfi_undefined %rip
	xorl	%ebp, %ebp
	movq	%r13, %rdi
	callq	*%r12
	ud2
	.cfi_endproc
	.size	context_start, . - context_start

/* void context_make(struct context *, void *low, void *high, void (*fn)(void *), void *arg)
 * Registers that are not set here begin with whatever lies there. */
	.globl	context_make
	.hidden	context_make
	.type	context_make, @function
	.p2align 4
context_make:
	.cfi_startproc
	andq	$-16, %rdx
	subq	$72, %rdx		/* 7 words of frame, so that rsp is aligned after it */
	leaq	context_start(%rip), %rax
	movq	%r8, 16(%rdx)		/* r13 */
	movq	%rcx, 24(%rdx)		/* r12 */
	movq	$0, 40(%rdx)		/* rbp: ends the chain of frames */
	movq	%rax, 48(%rdx)
	movq	$0, 56(%rdx)		/* where a return address would be */
	movq	%rdx, (%rdi)
	retq
	.cfi_endproc
	.size	context_make, . - context_make

	.section .note.GNU-stack, "", @progbits
