/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What ThreadSanitizer has to be told, as it does not see it by itself. Nothing in any other build. */

#ifndef SEQCAST_SRC_PLATFORM_SANITIZER_H
#define SEQCAST_SRC_PLATFORM_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEQCAST__UNDER_TSAN
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SEQCAST__UNDER_TSAN
#endif

#ifdef SEQCAST__UNDER_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

/** What comes before the one happens before what comes after the other. */
#define SEQCAST__TSAN_RELEASE(object) __tsan_release(object)
#define SEQCAST__TSAN_ACQUIRE(object) __tsan_acquire(object)
/** In between, mapping memory is no store to it. */
#define SEQCAST__TSAN_MAPPING_BEGIN() AnnotateIgnoreWritesBegin(__FILE__, __LINE__)
#define SEQCAST__TSAN_MAPPING_END() AnnotateIgnoreWritesEnd(__FILE__, __LINE__)
#else
#define SEQCAST__TSAN_RELEASE(object) ((void)(object))
#define SEQCAST__TSAN_ACQUIRE(object) ((void)(object))
#define SEQCAST__TSAN_MAPPING_BEGIN() ((void)0)
#define SEQCAST__TSAN_MAPPING_END() ((void)0)
#endif

#endif
