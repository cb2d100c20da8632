/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* memcpy() in assembly, for bytes that somebody else may be storing or loading at the same moment. An asm
 * statement that clobbers memory is no data race to the language, and nothing to move across a fence; to
 * the processor it is loads and stores like any others, which the fences and the sequence word of seqlock.h
 * order. That holds for `rep movsb`, too: its own stores may be seen in any order, but none before earlier
 * or after later stores of the program; and its loads are in order with others, as all are (Intel SDM, volume
 * 3A, "Memory Ordering in P6 and More Recent Processor Families", "Fast-String Operation and Out-of-Order
 * Stores"). There are no streaming stores, which do pass others.
 *
 * Up to 128 bytes go through registers, by moves of one width that overlap in the middle: no loop, no table.
 * What is longer goes to the widest kernel that the processor has, by a bit that the compiler's run-time
 * library finds out once, as the program starts. copy.h includes this where it can be used. */

#ifndef SEQCAST_COPY_KERNELS_H
#define SEQCAST_COPY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define SEQCAST__COPY_SHORT_MAX ((size_t)128)

/* `rep movsb` stores whole lines without reading them first: so it wins where a reader has the lines that a
 * publisher stores to. To load, it is worth its start where a copy does not fit the inner caches. */
#define SEQCAST__COPY_STORE_REP_MOVSB_MIN ((size_t)8192)
#define SEQCAST__COPY_LOAD_REP_MOVSB_MIN ((size_t)512 * 1024)

typedef long long seqcast__copy_vector __attribute__((vector_size(16)));

/* seqcast__copy_load_WIDTH() and seqcast__copy_store_WIDTH(): one instruction, any alignment. `memory` is the
 * constraint of an operand in memory, `reg` that of one in a register. */
#define SEQCAST__COPY_MOVES(width, type, reg, memory, load, store)                                           \
        struct seqcast__copy_bytes_##width {                                                                 \
                unsigned char at[width];                                                                     \
        };                                                                                                   \
        static inline type seqcast__copy_load_##width(const unsigned char *from)                             \
        {                                                                                                    \
                const struct seqcast__copy_bytes_##width *bytes =                                            \
                        (const struct seqcast__copy_bytes_##width *)(const void *)from;                      \
                type value;                                                                                  \
                                                                                                             \
                __asm__ volatile(load : "=" reg(value) : memory(*bytes) : "memory");                         \
                return value;                                                                                \
        }                                                                                                    \
        static inline void seqcast__copy_store_##width(unsigned char *to, type value)                        \
        {                                                                                                    \
                struct seqcast__copy_bytes_##width *bytes =                                                  \
                        (struct seqcast__copy_bytes_##width *)(void *)to;                                    \
                                                                                                             \
                __asm__ volatile(store : "=" memory(*bytes) : reg(value) : "memory");                        \
        }

/* The body of a kernel for more than four vectors: the first vector; four at a time from where the target is
 * aligned, while more than four are left; the last four, wherever they begin. */
#define SEQCAST__COPY_KERNEL(name, width, body, ...)                                                         \
        static inline void seqcast__copy_##name(unsigned char *to, const unsigned char *from, size_t bytes)  \
        {                                                                                                    \
                unsigned char *last_four = to + bytes - 4 * (width);                                         \
                size_t to_alignment = (width) - (size_t)((uintptr_t)to & ((width)-1));                       \
                                                                                                             \
                __asm__ volatile(body                                                                        \
                                 : [from] "+&r"(from), [to] "+&r"(to)                                        \
                                 : [last_four] "r"(last_four), [to_alignment] "r"(to_alignment)              \
                                 : "memory", "cc", __VA_ARGS__);                                             \
        }

#ifdef __x86_64__

/* Code for AVX encodes all its moves alike: to go from one encoding to the other takes long on some. */
#ifdef __AVX__
#define SEQCAST__COPY_MOVE_16 "vmovdqu"
#else
#define SEQCAST__COPY_MOVE_16 "movdqu"
#endif

SEQCAST__COPY_MOVES(16, seqcast__copy_vector, "x", "m", SEQCAST__COPY_MOVE_16 " %1, %0",
                    SEQCAST__COPY_MOVE_16 " %1, %0")
SEQCAST__COPY_MOVES(8, uint64_t, "r", "m", "movq %1, %0", "movq %1, %0")
SEQCAST__COPY_MOVES(4, uint32_t, "r", "m", "movl %1, %0", "movl %1, %0")
SEQCAST__COPY_MOVES(1, uint8_t, "q", "m", "movb %1, %0", "movb %1, %0")

/* clang-format off */
#define SEQCAST__COPY_FOUR(load, store, width, v0, v1, v2, v3)                                               \
        load "            (%[from]), %%" v0 "\n\t"                                                           \
        load " " width "  (%[from]), %%" v1 "\n\t"                                                           \
        load " 2*" width "(%[from]), %%" v2 "\n\t"                                                           \
        load " 3*" width "(%[from]), %%" v3 "\n\t"                                                           \
        store " %%" v0 ",            (%[to])\n\t"                                                            \
        store " %%" v1 ", " width "  (%[to])\n\t"                                                            \
        store " %%" v2 ", 2*" width "(%[to])\n\t"                                                            \
        store " %%" v3 ", 3*" width "(%[to])\n\t"

#define SEQCAST__COPY_BODY(unaligned, aligned, width, v0, v1, v2, v3)                                        \
        unaligned " (%[from]), %%" v0 "\n\t"                                                                 \
        unaligned " %%" v0 ", (%[to])\n\t"                                                                   \
        "add %[to_alignment], %[from]\n\t"                                                                   \
        "add %[to_alignment], %[to]\n\t"                                                                     \
        "jmp 2f\n\t"                                                                                         \
        ".p2align 4\n"                                                                                       \
        "1:\n\t"                                                                                             \
        SEQCAST__COPY_FOUR(unaligned, aligned, width, v0, v1, v2, v3)                                        \
        "add $4*" width ", %[from]\n\t"                                                                      \
        "add $4*" width ", %[to]\n"                                                                          \
        "2:\n\t"                                                                                             \
        "cmp %[last_four], %[to]\n\t"                                                                        \
        "jb 1b\n\t"                                                                                          \
        "sub %[to], %[from]\n\t"                                                                             \
        "add %[last_four], %[from]\n\t"                                                                      \
        "mov %[last_four], %[to]\n\t"                                                                        \
        SEQCAST__COPY_FOUR(unaligned, unaligned, width, v0, v1, v2, v3)
/* clang-format on */

SEQCAST__COPY_KERNEL(sse2, 16, SEQCAST__COPY_BODY("movdqu", "movdqa", "16", "xmm0", "xmm1", "xmm2", "xmm3"),
                     "xmm0", "xmm1", "xmm2", "xmm3")

/* vzeroupper changes all that older instructions know of, whatever the code around this is compiled for. */
#define SEQCAST__COPY_ALL_VECTORS                                                                            \
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",    \
                "xmm12", "xmm13", "xmm14", "xmm15"

/* clang-format off */
SEQCAST__COPY_KERNEL(avx2, 32,
                     SEQCAST__COPY_BODY("vmovdqu", "vmovdqa", "32", "ymm0", "ymm1", "ymm2", "ymm3")
                     "vzeroupper",
                     SEQCAST__COPY_ALL_VECTORS)
/* clang-format on */

/* clang-format off */
SEQCAST__COPY_KERNEL(avx512, 64,
                     SEQCAST__COPY_BODY("vmovdqu64", "vmovdqa64", "64", "zmm0", "zmm1", "zmm2", "zmm3")
                     "vzeroupper",
                     SEQCAST__COPY_ALL_VECTORS)
/* clang-format on */

static inline void seqcast__copy_rep_movsb(unsigned char *to, const unsigned char *from, size_t bytes)
{
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/** More than SEQCAST__COPY_SHORT_MAX bytes. A fast `rep movsb` came to Intel's processors with this
 *  extension, or before it (2019); on others it can be slow, depending on where source and target lie.
 *  @param rep_movsb_min from how many bytes on it is to be used */
static inline __attribute__((always_inline)) void
seqcast__copy_long(unsigned char *to, const unsigned char *from, size_t bytes, size_t rep_movsb_min)
{
        if (bytes >= rep_movsb_min && __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512vbmi2"))
                seqcast__copy_rep_movsb(to, from, bytes);
        else if (bytes > 256 && __builtin_cpu_supports("avx512vl"))
                seqcast__copy_avx512(to, from, bytes);
        else if (__builtin_cpu_supports("avx2"))
                seqcast__copy_avx2(to, from, bytes);
        else
                seqcast__copy_sse2(to, from, bytes);
}

#else /* __aarch64__ */

SEQCAST__COPY_MOVES(16, seqcast__copy_vector, "w", "Q", "ldr %q0, %1", "str %q1, %0")
SEQCAST__COPY_MOVES(8, uint64_t, "r", "Q", "ldr %x0, %1", "str %x1, %0")
SEQCAST__COPY_MOVES(4, uint32_t, "r", "Q", "ldr %w0, %1", "str %w1, %0")
SEQCAST__COPY_MOVES(1, uint8_t, "r", "Q", "ldrb %w0, %1", "strb %w1, %0")

/* clang-format off */
#define SEQCAST__COPY_FOUR                                                                                   \
        "ldp q0, q1, [%[from]]\n\t"                                                                          \
        "ldp q2, q3, [%[from], #32]\n\t"                                                                     \
        "stp q0, q1, [%[to]]\n\t"                                                                            \
        "stp q2, q3, [%[to], #32]\n\t"

SEQCAST__COPY_KERNEL(neon, 16,
                     "ldr q0, [%[from]]\n\t"
                     "str q0, [%[to]]\n\t"
                     "add %[from], %[from], %[to_alignment]\n\t"
                     "add %[to], %[to], %[to_alignment]\n\t"
                     "b 2f\n"
                     "1:\n\t"
                     SEQCAST__COPY_FOUR
                     "add %[from], %[from], #64\n\t"
                     "add %[to], %[to], #64\n"
                     "2:\n\t"
                     "cmp %[to], %[last_four]\n\t"
                     "b.lo 1b\n\t"
                     "sub %[from], %[from], %[to]\n\t"
                     "add %[from], %[from], %[last_four]\n\t"
                     "mov %[to], %[last_four]\n\t"
                     SEQCAST__COPY_FOUR,
                     "v0", "v1", "v2", "v3")
/* clang-format on */

/** More than SEQCAST__COPY_SHORT_MAX bytes. */
static inline __attribute__((always_inline)) void
seqcast__copy_long(unsigned char *to, const unsigned char *from, size_t bytes, size_t rep_movsb_min)
{
        (void)rep_movsb_min;
        seqcast__copy_neon(to, from, bytes);
}

#endif

/* `bytes` bytes that are at least one move of that width and at most two. */
#define SEQCAST__COPY_BY(width, to, from, bytes)                                                             \
        do {                                                                                                 \
                seqcast__copy_store_##width(to, seqcast__copy_load_##width(from));                           \
                seqcast__copy_store_##width((to) + (bytes) - (width),                                        \
                                            seqcast__copy_load_##width((from) + (bytes) - (width)));         \
        } while (0)

/** At most SEQCAST__COPY_SHORT_MAX bytes. */
static inline __attribute__((always_inline)) void seqcast__copy_short(void *to, const void *from,
                                                                      size_t bytes)
{
        unsigned char *target = (unsigned char *)to;
        const unsigned char *source = (const unsigned char *)from;

        /* A compiler that knew what they point to would warn of branches that a short copy does not take. */
        __asm__("" : "+r"(target), "+r"(source));
        if (bytes >= 16) {
                SEQCAST__COPY_BY(16, target, source, bytes);
                if (bytes > 32)
                        SEQCAST__COPY_BY(16, target + 16, source + 16, bytes - 32);
                if (bytes > 64) {
                        SEQCAST__COPY_BY(16, target + 32, source + 32, bytes - 64);
                        SEQCAST__COPY_BY(16, target + 48, source + 48, bytes - 96);
                }
        } else if (bytes >= 8) {
                SEQCAST__COPY_BY(8, target, source, bytes);
        } else if (bytes >= 4) {
                SEQCAST__COPY_BY(4, target, source, bytes);
        } else if (bytes != 0) {
                seqcast__copy_store_1(target, seqcast__copy_load_1(source));
                seqcast__copy_store_1(target + bytes / 2, seqcast__copy_load_1(source + bytes / 2));
                seqcast__copy_store_1(target + bytes - 1, seqcast__copy_load_1(source + bytes - 1));
        }
}

static inline __attribute__((always_inline)) void seqcast__copy_bytes(void *to, const void *from,
                                                                      size_t bytes, size_t rep_movsb_min)
{
        if (__builtin_expect(bytes > SEQCAST__COPY_SHORT_MAX, 0))
                seqcast__copy_long((unsigned char *)to, (const unsigned char *)from, bytes, rep_movsb_min);
        else
                seqcast__copy_short(to, from, bytes);
}

#endif
