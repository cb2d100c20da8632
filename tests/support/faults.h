/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Faults at every system call and every allocation of a play. A player, a child under ptrace(2), performs
 * the play once for each way in which one of its calls can fail: that one alone, or that one and all later
 * ones of its kind. What the player is told has to be the fault's own error, or what it would have been told
 * without it. The director, which is the test, looks at each stop whether the topic is whole, and whether
 * the player asks for anything that the library has promised never to do.
 *
 * For Criterion tests, not for builds with AddressSanitizer: see holdings.h. */

#ifndef SEQCAST_TESTS_FAULTS_H
#define SEQCAST_TESTS_FAULTS_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seqcast.h"

#include "child.h"
#include "holdings.h"
#include "syscalls.h"
#include "topic.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define FAULTS_STORM 50u        /* so often in a row is a call interrupted by signals, no longer */
#define FAULTS_CALLS_MAX 20000u /* a play that makes more does not end */
#define FAULTS_KIND_MAX 16u     /* what comes more often is made by a loop */
#define FAULTS_PLAY_SECONDS 60u
#define FAULTS_COMPLAINTS_MAX 5u
#define FAULTS_AT_ONCE 2u       /* in one performance */
#define FAULTS_MISSES_MAX 5u    /* how many calls there are may depend on time */
#define FAULTS_ALLOCATION (-1L) /* the number of what is no call */

/* ---- what can fail, and how ------------------------------------------------------------------ */

/* What comes of a failure. */
enum faults_fate {
        TOLD,   /* somebody is told */
        EITHER, /* he is, or there is another way; it depends on what it was for */
        BORNE,  /* no result is another one: it is a hint, or there is always another way */
        DONE    /* the same; and what is said to have failed has been done nevertheless */
};

struct faults_call {
        long number;
        const char *name;
        enum faults_fate fate;
        int errors[9];
};

/* What is accepted of each call, and why. Not here, since they do not fail, or since what they say then is an
 * answer, not a failure: getpid(), geteuid(); clock_gettime() of clocks that every kernel has;
 * timerfd_settime(); brk(), which has no errors, and allocations fail by themselves; ENOENT of a name; ENXIO
 * of lseek(SEEK_DATA), which says that there is none. */
static const struct faults_call faults_calls[] = {
        /* The id of this boot is for people: it is done without. */
        { SYS_openat,
          "openat",
          EITHER,
          { EACCES, EMFILE, ENFILE, ENOMEM, EINTR, ELOOP, ENOSPC, EOPNOTSUPP } },
        { SYS_ftruncate, "ftruncate", TOLD, { EINTR, EIO, EFBIG, EPERM, ENOSPC } },
        { SYS_fallocate, "fallocate", TOLD, { ENOSPC, ENOMEM, EINTR, EIO, EFBIG, EPERM, EOPNOTSUPP } },
        /* A segment that was replaced and cannot be mapped is not marked: its readers find out by its
         * name. */
        { SYS_mmap, "mmap", EITHER, { ENOMEM, EAGAIN, ENFILE, EACCES, EPERM, EOVERFLOW } },
        /* A mapping stays or goes; nothing that is told depends on it. */
        { SYS_munmap, "munmap", DONE, { ENOMEM } },
        { SYS_mprotect, "mprotect", TOLD, { ENOMEM, EACCES } },
        /* Out of dumps, away from children: older kernels have not all of it. */
        { SYS_madvise, "madvise", BORNE, { EINVAL, ENOMEM, EAGAIN } },
        /* Sleepers that are not seen are not woken: they sleep a slice at most. */
        { SYS_fcntl, "fcntl", EITHER, { ENOLCK, EINVAL, EACCES, EAGAIN, ENOMEM, EMFILE } },
        { SYS_fchmod, "fchmod", TOLD, { EPERM, EIO, EROFS, ENOMEM } },
        { SYS_fchown, "fchown", TOLD, { EPERM, EINVAL, EIO, EROFS, ENOMEM } },
        { SYS_linkat, "linkat", TOLD, { EEXIST, ENOSPC, ENOMEM, EACCES, EPERM, EIO, ENOENT, EXDEV } },
#ifdef SYS_link
        { SYS_link, "link", TOLD, { EEXIST, ENOSPC, ENOMEM, EACCES, EPERM, EIO } },
#endif
#ifdef SYS_rename
        { SYS_rename, "rename", TOLD, { ENOSPC, ENOMEM, EACCES, EPERM, EIO, EROFS } },
#endif
#ifdef SYS_renameat
        { SYS_renameat, "renameat", TOLD, { ENOSPC, ENOMEM, EACCES, EPERM, EIO, EROFS } },
#endif
        { SYS_renameat2, "renameat2", TOLD, { ENOSPC, ENOMEM, EACCES, EPERM, EIO, EROFS } },
/* The topic has its name: that a temporary one stays besides is no reason to give it up. */
#ifdef SYS_unlink
        { SYS_unlink, "unlink", EITHER, { EACCES, EPERM, EIO, ENOMEM, EROFS } },
#endif
        { SYS_unlinkat, "unlinkat", EITHER, { EACCES, EPERM, EIO, ENOMEM, EROFS } },
/* Without a time namespace, ages are unknown. What has become of a name is asked again after a while. */
#ifdef SYS_fstat
        { SYS_fstat, "fstat", EITHER, { EIO, ENOMEM } },
#endif
#ifdef SYS_newfstatat
        { SYS_newfstatat, "newfstatat", EITHER, { EACCES, EIO, ENOMEM } },
#endif
#ifdef SYS_statx
        { SYS_statx, "statx", EITHER, { EACCES, EIO, ENOMEM } },
#endif
        /* Where it is not said how much is left, it is tried. */
        { SYS_fstatfs, "fstatfs", EITHER, { EIO, ENOMEM, EINTR, ENOSYS } },
        /* Who publishes already is described to people as far as it is known. */
        { SYS_pread64, "pread64", EITHER, { EIO, EINTR, ENOMEM } },
        { SYS_pwrite64, "pwrite64", TOLD, { ENOSPC, EIO, EINTR, EFBIG } },
        /* The id of this boot; and what has happened to a descriptor, which is looked for anyway. */
        { SYS_read, "read", BORNE, { EIO, EINTR, EAGAIN } },
        { SYS_lseek, "lseek", TOLD, { EIO, ENOMEM } },
        { SYS_close, "close", DONE, { EINTR, EIO } },
        { SYS_dup3, "dup3", TOLD, { EINTR, EIO } },
        /* The time and the pid are random enough for a name that is tried again, and an incarnation. */
        { SYS_getrandom, "getrandom", BORNE, { EAGAIN, EINTR, ENOSYS } },
        /* Waking is no more than a hint: whoever sleeps looks by himself. So does he who cannot sleep. */
        { SYS_futex, "futex", BORNE, { ENOSYS, EINTR, EAGAIN, ENOMEM, EFAULT } },
        { SYS_futex_waitv, "futex_waitv", BORNE, { ENOSYS, EINTR, EAGAIN, ENOMEM, EPERM } },
        { SYS_utimensat, "utimensat", BORNE, { EACCES, EPERM, EROFS, EIO } },
        { SYS_clock_nanosleep, "clock_nanosleep", BORNE, { EINTR } },
        { SYS_ppoll, "ppoll", BORNE, { EINTR, ENOMEM } },
        /* Whoever waits for a topic, or has lost it, looks now and then where names cannot be watched. */
        { SYS_inotify_init1, "inotify_init1", EITHER, { EMFILE, ENFILE, ENOMEM, ENOSYS } },
        { SYS_inotify_add_watch, "inotify_add_watch", EITHER, { ENOSPC, ENOMEM, EACCES } },
        { SYS_epoll_create1, "epoll_create1", EITHER, { EMFILE, ENFILE, ENOMEM } },
        { SYS_epoll_ctl, "epoll_ctl", EITHER, { ENOSPC, ENOMEM } },
        /* A watch too many makes a descriptor readable for nothing. */
        { SYS_inotify_rm_watch, "inotify_rm_watch", BORNE, { EINVAL } },
        { SYS_timerfd_create, "timerfd_create", TOLD, { EMFILE, ENFILE, ENOMEM } },
        /* A limit that cannot be asked for is none. */
        { SYS_prlimit64, "prlimit64", BORNE, { EPERM, ENOSYS } },
};

/* Of the calls whose failure is told, these are not: there is another way, or another try. */
static const struct {
        long number;
        int error;
} faults_mended[] = {
        { SYS_fallocate, EINTR }, { SYS_fallocate, EOPNOTSUPP },
        { SYS_linkat, EEXIST },   { SYS_linkat, ENOENT },
#ifdef SYS_link
        { SYS_link, EEXIST },
#endif
};

/* Where another error than the call's own says what has happened. */
static const struct {
        long number; /* FAULTS_ALLOCATION: an allocation */
        int error, told;
        bool always; /* else the call's own error is true as well */
} faults_translations[] = {
        { SYS_openat, ELOOP, EPROTO, false }, /* a symbolic link is no segment */
        { SYS_mmap, EOVERFLOW, EFBIG, false },
        { SYS_mmap, EAGAIN, ENOMEM, true },  /* more than may be locked in memory */
        { SYS_fcntl, EACCES, EBUSY, false }, /* the lock is somebody else's */
        { SYS_fcntl, EAGAIN, EBUSY, false },
        { SYS_linkat, EEXIST, EBUSY, false }, /* somebody else is quicker, again and again */
        { SYS_pwrite64, EINTR, EIO, false },
        { SYS_inotify_add_watch, ENOSPC, EMFILE, true }, /* a user's share of watches, not of memory */
        { SYS_epoll_ctl, ENOSPC, EMFILE, true },
        { FAULTS_ALLOCATION, ENOMEM, ENOMEM, false },
#ifdef SYS_link
        { SYS_link, EEXIST, EBUSY, false },
#endif
#ifdef SYS_unlink
        { SYS_unlink, EPERM, EACCES, false }, /* as POSIX wants it of shm_unlink() */
#endif
        { SYS_unlinkat, EPERM, EACCES, false },
};

static inline const struct faults_call *faults_call_of(long number)
{
        for (size_t i = 0; i < sizeof faults_calls / sizeof *faults_calls; i++)
                if (faults_calls[i].number == number)
                        return &faults_calls[i];
        return NULL;
}

static inline bool faults_is_borne(long number)
{
        const struct faults_call *call = faults_call_of(number);

        return call != NULL && call->fate >= BORNE;
}

/* Has somebody to be told? */
static inline bool faults_is_told(long number, int error)
{
        const struct faults_call *call = faults_call_of(number);

        for (size_t i = 0; i < sizeof faults_mended / sizeof *faults_mended; i++)
                if (faults_mended[i].number == number && faults_mended[i].error == error)
                        return false;
        return number == FAULTS_ALLOCATION || (call != NULL && call->fate == TOLD);
}

/** Those that are made and do not fail. */
static inline bool faults_is_harmless(long number)
{
        return number == SYS_getpid || number == SYS_geteuid || number == SYS_brk ||
               number == SYS_clock_gettime || number == SYS_timerfd_settime;
}

/* ---- the play, and what both sides know ------------------------------------------------------ */

/** What is missing in the world in which a play is given. @return the error, 0: nothing */
typedef int faults_world(const struct syscalls_call *call);

struct faults_play {
        const char *name;
        /* The player: what comes before, what is tried, and what must hold afterwards. */
        void (*before)(void);
        void (*run)(void);
        void (*check)(void);
        /* The director: sets the stage, does what the player asks for, and what happens when he sleeps. */
        void (*set_stage)(void);
        void (*attend)(int request);
        void (*at_sleep)(void);
        bool (*look)(void); /* is the topic whole? */
        faults_world *world;
        bool borne;       /* no fault may change a result */
        bool only_reads;  /* nothing but subscribers */
        bool system_says; /* the manual allows any error of the system */
};

struct faults_fault {
        long number; /* of the call; or FAULTS_ALLOCATION */
        unsigned at; /* which of its kind, from 1; 0: there is no fault */
        int error;
        bool persistent; /* and all later ones of its kind */
};

enum { FAULTS_BEGIN = -1, FAULTS_END = -2 }; /* requests; a play's own ones are positive */

static struct faults_stage {
        pid_t player;
        int request;
        struct faults_fault faults[FAULTS_AT_ONCE];
        bool met[FAULTS_AT_ONCE]; /* it has failed ... */
        bool told;                /* ... and the player was told so */
        unsigned allocations;
        char complaint[512];
        unsigned errors[256], states[32]; /* how often a result was seen */
} * faults_stage;

/** The first complaint is kept; the player need not end at once. */
__attribute__((format(printf, 1, 2))) static inline void faults_complain(const char *format, ...)
{
        va_list arguments;

        if (faults_stage->complaint[0] != '\0')
                return;
        va_start(arguments, format);
        vsnprintf(faults_stage->complaint, sizeof faults_stage->complaint, format, arguments);
        va_end(arguments);
}

/* ---- the player: what he has and holds -------------------------------------------------------- */

/* The `at`th of a fault's kind is made. @return the error with which it is to fail; 0: it is not */
static inline int faults_strike(unsigned index, unsigned at)
{
        const struct faults_fault *fault = &faults_stage->faults[index];

        if (at < fault->at || (at > fault->at && !fault->persistent) ||
            (fault->error == EINTR && at >= fault->at + FAULTS_STORM))
                return 0;
        faults_stage->met[index] = true;
        return fault->error;
}

/** Has a call of this kind failed? */
static inline bool faults_met(long number)
{
        for (unsigned i = 0; i < FAULTS_AT_ONCE; i++)
                if (faults_stage->met[i] && faults_stage->faults[i].number == number)
                        return true;
        return false;
}

/* Is this allocation to fail? */
static inline bool faults_refuse_allocation(void)
{
        int error = 0;

        faults_stage->allocations++;
        for (unsigned i = 0; i < FAULTS_AT_ONCE && error == 0; i++)
                if (faults_stage->faults[i].at != 0 && faults_stage->faults[i].number == FAULTS_ALLOCATION)
                        error = faults_strike(i, faults_stage->allocations);
        return error != 0;
}

static inline void faults_expect_nothing_leaked(const struct holdings *before)
{
        struct holdings now = holdings_now();

        if (now.descriptors != before->descriptors)
                faults_complain("%d descriptors leaked", (int)(now.descriptors - before->descriptors));
        if (now.mapped_bytes != before->mapped_bytes)
                faults_complain("%lld mapped bytes leaked",
                                (long long)(now.mapped_bytes - before->mapped_bytes));
        if (now.allocations != before->allocations)
                faults_complain("%lld allocations leaked",
                                (long long)(now.allocations - before->allocations));
}

/* ---- the player: what he is told ------------------------------------------------------------- */

static inline bool faults_is_documented(int result)
{
        switch (-result) {
#define FAULTS_CASE(code, text) case code:
                SEQCAST_ERRORS(FAULTS_CASE)
#undef FAULTS_CASE
        case ENFILE:
        case EIO:
        case EINTR:
                return true;
        default:
                return false;
        }
}

/* Is it the fault's own error, or what stands for that? */
static inline bool faults_explains(const struct faults_fault *fault, int result)
{
        bool own = fault->number != FAULTS_ALLOCATION && result == -fault->error;

        if (faults_is_borne(fault->number))
                return false;
        if (fault->number == SYS_mmap && result == -ENOMEM)
                return true; /* it was the heap's */
        for (size_t i = 0; i < sizeof faults_translations / sizeof *faults_translations; i++) {
                if (faults_translations[i].number != fault->number ||
                    faults_translations[i].error != fault->error)
                        continue;
                if (result == -faults_translations[i].told)
                        return true;
                own &= !faults_translations[i].always;
        }
        return own;
}

static inline bool faults_is_explained(const struct faults_play *play, int result)
{
        if (play->borne || (!play->system_says && !faults_is_documented(result)))
                return false;
        for (unsigned i = 0; i < FAULTS_AT_ONCE; i++)
                if (faults_stage->met[i] && faults_explains(&faults_stage->faults[i], result))
                        return true;
        return false;
}

/* ---- the director: promises that every call is held to ---------------------------------------- */

#define FAULTS_DESCRIPTORS 1024u
#define FAULTS_NAMES 256u
#define FAULTS_NAME_BYTES 320u

static struct faults_run {
        const struct faults_play *play;
        unsigned calls, of_kind[FAULTS_AT_ONCE]; /* all; and those of the faults' kinds */
        bool watching;                           /* the play runs */
        bool inside;                             /* a call */
        bool slept;
        struct syscalls_call call;
        int answer;                                  /* error at its exit; 0: the kernel's own answer */
        bool real;                                   /* ... which it gives after it has done its work */
        bool draft[FAULTS_DESCRIPTORS];              /* an object that nobody else has seen */
        char names[FAULTS_NAMES][FAULTS_NAME_BYTES]; /* temporary ones that were given */
        unsigned name_count;
        long *trace; /* the numbers of all calls */
} faults_run;

static inline bool faults_is_temporary(const char *path)
{
        return strncmp(path, SHM_DIRECTORY ".", sizeof SHM_DIRECTORY) == 0;
}

static inline bool *faults_draft_of(unsigned long fd)
{
        static bool elsewhere;

        return fd < FAULTS_DESCRIPTORS ? &faults_run.draft[fd] : &elsewhere;
}

static inline void faults_text(int argument, char ret_text[FAULTS_NAME_BYTES])
{
        syscalls_text(faults_stage->player, faults_run.call.arguments[argument], ret_text, FAULTS_NAME_BYTES);
}

/* Which arguments of a call are the names it takes away and gives? -1: none */
struct faults_names {
        int taken, given;
};

static inline struct faults_names faults_names_of(long number)
{
#ifdef SYS_link
        if (number == SYS_link)
                return (struct faults_names){ -1, 1 };
#endif
#ifdef SYS_rename
        if (number == SYS_rename)
                return (struct faults_names){ 0, 1 };
#endif
#ifdef SYS_renameat
        if (number == SYS_renameat)
                return (struct faults_names){ 1, 3 };
#endif
#ifdef SYS_unlink
        if (number == SYS_unlink)
                return (struct faults_names){ 0, -1 };
#endif
        if (number == SYS_renameat2)
                return (struct faults_names){ 1, 3 };
        if (number == SYS_linkat)
                return (struct faults_names){ -1, 3 };
        if (number == SYS_unlinkat)
                return (struct faults_names){ 1, -1 };
        return (struct faults_names){ -1, -1 };
}

/** Does it do nothing but take a name away? */
static inline bool faults_is_unlink(long number)
{
        struct faults_names names = faults_names_of(number);

        return names.taken >= 0 && names.given < 0;
}

/** Has a fault kept a name from being taken away? */
static inline bool faults_kept_name(void)
{
        for (unsigned i = 0; i < FAULTS_AT_ONCE; i++)
                if (faults_stage->met[i] && faults_is_unlink(faults_stage->faults[i].number))
                        return true;
        return false;
}

static inline void faults_judge_open(void)
{
        unsigned long flags = faults_run.call.arguments[2];
        char path[FAULTS_NAME_BYTES];

        faults_text(1, path);
        if ((flags & O_TRUNC) != 0)
                faults_complain("%s is opened with O_TRUNC", path);
        if ((flags & O_CREAT) != 0 && ((flags & O_EXCL) == 0 || !faults_is_temporary(path)))
                faults_complain("%s is created under its name", path);
        if (faults_run.play->only_reads && (flags & O_ACCMODE) != O_RDONLY)
                faults_complain("a subscriber opens %s for writing", path);
}

/* What it asks for, before it is done. */
static inline void faults_judge_call(void)
{
        const struct syscalls_call *call = &faults_run.call;
        struct faults_names names = faults_names_of(call->number);
        char path[FAULTS_NAME_BYTES];

        if (faults_call_of(call->number) == NULL && !faults_is_harmless(call->number))
                faults_complain("system call %ld is none of the library's", call->number);
        if (call->number == SYS_openat)
                faults_judge_open();
        if (call->number == SYS_ftruncate && !*faults_draft_of(call->arguments[0]))
                faults_complain("an object that others may have mapped is resized");
        if (call->number == SYS_fallocate && call->arguments[1] != 0)
                faults_complain("fallocate() with mode %#lx", call->arguments[1]);
        if (faults_run.play->only_reads && call->number == SYS_mmap &&
            (call->arguments[2] & PROT_WRITE) != 0 && (call->arguments[3] & MAP_SHARED) != 0)
                faults_complain("a subscriber maps a segment for writing");
        if (faults_run.play->only_reads && (call->number == SYS_pwrite64 || call->number == SYS_utimensat))
                faults_complain("a subscriber writes to a segment");
        if (names.taken >= 0) {
                faults_text(names.taken, path);
                if (!faults_is_temporary(path) && (names.given >= 0 || strcmp(path, topic_path()) != 0))
                        faults_complain("the name %s is taken away", path);
        }
}

static inline void faults_keep_name(const char *path)
{
        if (faults_run.name_count < FAULTS_NAMES)
                strcpy(faults_run.names[faults_run.name_count++], path);
}

/* It has been done. */
static inline void faults_record_call(long result)
{
        const struct syscalls_call *call = &faults_run.call;
        struct faults_names names = faults_names_of(call->number);
        char path[FAULTS_NAME_BYTES];

        if (result < 0)
                return;
        if (call->number == SYS_openat) {
                unsigned long flags = call->arguments[2];

                *faults_draft_of((unsigned long)result) =
                        (flags & O_TMPFILE) == O_TMPFILE || (flags & O_CREAT) != 0;
                if ((flags & O_CREAT) != 0) {
                        faults_text(1, path);
                        faults_keep_name(path);
                }
        }
        if (call->number == SYS_fcntl && call->arguments[1] == F_DUPFD_CLOEXEC)
                *faults_draft_of((unsigned long)result) = *faults_draft_of(call->arguments[0]);
        if (call->number == SYS_dup3)
                *faults_draft_of((unsigned long)result) = false;
        if (names.given >= 0) {
                faults_text(names.given, path);
                if (faults_is_temporary(path))
                        faults_keep_name(path);
                else /* for all to see, from now on */
                        memset(faults_run.draft, 0, sizeof faults_run.draft);
        }
}

/* Temporary names that are still there: removed. @return how many there were */
static inline unsigned faults_remove_litter(void)
{
        unsigned count = 0;

        for (unsigned i = 0; i < faults_run.name_count; i++)
                count += unlink(faults_run.names[i]) == 0;
        faults_run.name_count = 0;
        return count;
}

/* ---- the director: one performance ------------------------------------------------------------ */

static inline bool faults_is_sleep(const struct syscalls_call *call)
{
        int operation = (int)call->arguments[1] & FUTEX_CMD_MASK;

        return call->number == SYS_futex_waitv || call->number == SYS_ppoll ||
               call->number == SYS_clock_nanosleep ||
               (call->number == SYS_futex && (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET));
}

/* @return the error that this call is to end with; 0: none */
static inline int faults_error_here(void)
{
        int error = 0;

        for (unsigned i = 0; i < FAULTS_AT_ONCE; i++)
                if (faults_stage->faults[i].at != 0 &&
                    faults_stage->faults[i].number == faults_run.call.number) {
                        int struck = faults_strike(i, ++faults_run.of_kind[i]);

                        error = error == 0 ? struck : error;
                }
        if (error == 0 && faults_run.play->world != NULL)
                error = faults_run.play->world(&faults_run.call);
        return error;
}

static inline void faults_enter_call(void)
{
        const struct faults_call *call;

        if (!syscalls_read(faults_stage->player, &faults_run.call) || faults_run.call.number == SYS_kill)
                return;
        call = faults_call_of(faults_run.call.number);
        if (faults_run.calls < FAULTS_CALLS_MAX && faults_run.trace != NULL)
                faults_run.trace[faults_run.calls] = faults_run.call.number;
        if (++faults_run.calls > FAULTS_CALLS_MAX) {
                faults_complain("more than %u system calls", FAULTS_CALLS_MAX);
                kill(faults_stage->player, SIGKILL);
                return;
        }
        faults_judge_call();
        if (faults_run.play->at_sleep != NULL && !faults_run.slept && faults_is_sleep(&faults_run.call)) {
                faults_run.slept = true;
                faults_run.play->at_sleep();
        }
        faults_run.answer = faults_error_here();
        faults_run.real = call != NULL && call->fate == DONE;
        if (faults_run.answer != 0 && !faults_run.real)
                syscalls_skip(faults_stage->player);
}

static inline void faults_leave_call(void)
{
        long result;

        if (faults_run.call.number == SYS_kill || !syscalls_result(faults_stage->player, &result))
                return;
        if (faults_run.answer == 0 || faults_run.real)
                faults_record_call(result);
        if (faults_run.answer != 0)
                syscalls_answer(faults_stage->player, -faults_run.answer);
        faults_run.answer = 0;
        if (faults_run.play->look != NULL && !faults_run.play->look())
                faults_complain("the topic is not whole after system call %ld", faults_run.call.number);
}

static inline void faults_attend(void)
{
        if (faults_stage->request == FAULTS_BEGIN)
                faults_run.watching = true;
        else if (faults_stage->request == FAULTS_END)
                faults_run.watching = false;
        else
                faults_run.play->attend(faults_stage->request);
}

/** The player: ask the director for something. */
static inline void faults_ask(int request)
{
        faults_stage->request = request;
        kill(faults_stage->player, SIGTRAP);
}

static inline bool faults_begin_trace(void)
{
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static inline int faults_try_trace(void)
{
        return faults_begin_trace() ? 0 : 1;
}

_Noreturn static inline void faults_perform(const struct faults_play *play)
{
        struct holdings before;

        if (!faults_begin_trace())
                abort();
        faults_stage->player = getpid();
        raise(SIGSTOP);
        alarm(FAULTS_PLAY_SECONDS); /* nothing hangs */
        holdings_now();             /* what the first one leaves behind is not the play's */
        before = holdings_now();
        if (play->before != NULL)
                play->before();
        faults_ask(FAULTS_BEGIN);
        heap.refuse = faults_refuse_allocation;
        play->run();
        heap.refuse = NULL;
        faults_ask(FAULTS_END);
        play->check(); /* closes everything */
        faults_expect_nothing_leaked(&before);
        _exit(0);
}

static inline void faults_direct(void)
{
        int status, signal = 0;
        pid_t player = fork();

        if (player < 0)
                abort();
        if (player == 0)
                faults_perform(faults_run.play);
        if (waitpid(player, &status, 0) != player || !WIFSTOPPED(status))
                abort();
        ptrace(PTRACE_SETOPTIONS, player, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
        for (;;) {
                ptrace(faults_run.watching ? PTRACE_SYSCALL : PTRACE_CONT, player, NULL,
                       (void *)(long)signal);
                if (waitpid(player, &status, 0) != player)
                        abort();
                if (!WIFSTOPPED(status))
                        break;
                signal = WSTOPSIG(status);
                if (signal == SYSCALLS_STOP) {
                        faults_run.inside = !faults_run.inside;
                        if (faults_run.inside)
                                faults_enter_call();
                        else
                                faults_leave_call();
                } else if (signal == SIGTRAP) {
                        faults_attend();
                } else {
                        continue;
                }
                signal = 0;
        }
        if (WIFSIGNALED(status))
                faults_complain(WTERMSIG(status) == SIGALRM ? "it hangs" : "it was ended by signal %d",
                                WTERMSIG(status));
}

/* ---- the director: all of them ---------------------------------------------------------------- */

struct faults_figures {
        unsigned calls, allocations, faults, pairs, missed, complaints;
};

static inline void faults_report(void)
{
        fprintf(stderr, "%s", faults_run.play->name);
        for (unsigned i = 0; i < FAULTS_AT_ONCE; i++) {
                const struct faults_fault *fault = &faults_stage->faults[i];
                const struct faults_call *call = faults_call_of(fault->number);

                if (fault->at != 0)
                        fprintf(stderr, ", %s %u fails%s with %s", call != NULL ? call->name : "allocation",
                                fault->at, fault->persistent ? " from there on" : "",
                                strerrorname_np(fault->error));
        }
        fprintf(stderr, ": %s\n", faults_stage->complaint);
}

/* What only the director knows: did a failure pass unnoticed, has anything been left lying about? */
static inline void faults_judge_performance(void)
{
        const struct faults_fault *fault = &faults_stage->faults[0];
        bool alone = faults_stage->faults[1].at == 0;

        if (alone && faults_stage->met[0] && !faults_stage->told && !faults_run.play->borne &&
            faults_is_told(fault->number, fault->error))
                faults_complain("nobody was told");
        if (faults_remove_litter() != 0 && !faults_kept_name())
                faults_complain("a temporary name was left behind");
}

/* One performance, with two faults at most. @return were they met? */
static inline bool faults_try(const struct faults_play *play, struct faults_fault first,
                              struct faults_fault second, long *trace, struct faults_figures *figures)
{
        faults_run = (struct faults_run){ .play = play, .trace = trace };
        faults_stage->faults[0] = first;
        faults_stage->faults[1] = second;
        faults_stage->met[0] = faults_stage->met[1] = faults_stage->told = false;
        faults_stage->allocations = 0;
        faults_stage->complaint[0] = '\0';
        if (play->set_stage != NULL)
                play->set_stage();
        faults_direct();
        faults_judge_performance();
        if (faults_stage->complaint[0] != '\0') {
                faults_report();
                cr_assert(lt(uint, ++figures->complaints, FAULTS_COMPLAINTS_MAX), "and so on");
        }
        return faults_stage->met[0] && (second.at == 0 || faults_stage->met[1]);
}

static const struct faults_fault faults_none = { .at = 0 };

static inline void faults_inject(const struct faults_play *play, struct faults_fault first,
                                 struct faults_fault second, struct faults_figures *figures)
{
        unsigned misses = 0;

        while (!faults_try(play, first, second, NULL, figures))
                if (++misses == FAULTS_MISSES_MAX) {
                        figures->missed++;
                        return;
                }
        figures->faults += second.at == 0;
        figures->pairs += second.at != 0;
}

/* How many in [first, end) are of this kind? */
static inline unsigned faults_count(const long *first, const long *end, long number)
{
        unsigned count = 0;

        for (; first < end; first++)
                count += *first == number;
        return count;
}

static inline void faults_print(const struct faults_play *play, const struct faults_figures *figures)
{
        fprintf(stderr, "figures: %s: %u system calls, %u allocations, %u faults", play->name, figures->calls,
                figures->allocations, figures->faults);
        if (figures->pairs != 0)
                fprintf(stderr, ", %u pairs of faults", figures->pairs);
        if (figures->missed != 0)
                fprintf(stderr, " (and %u not met)", figures->missed);
        fprintf(stderr, "; results:");
        for (int state = 0; state < 32; state++)
                if (faults_stage->states[state] != 0)
                        fprintf(stderr, " %d: %u,", state, faults_stage->states[state]);
        for (int error = 1; error < 256; error++)
                if (faults_stage->errors[error] != 0)
                        fprintf(stderr, " %s: %u,", strerrorname_np(error), faults_stage->errors[error]);
        fprintf(stderr, " %u complaints\n", figures->complaints);
}

/* What fails first, and then each call that comes after it: what is made in order to clean up, or instead. */
static inline void faults_inject_pairs(const struct faults_play *play, struct faults_fault first,
                                       struct faults_figures *figures)
{
        static long trace[FAULTS_CALLS_MAX];
        const long *call = trace, *end;

        faults_try(play, first, faults_none, trace, figures);
        end = trace + faults_run.calls;
        while (call < end && faults_count(trace, call, first.number) < first.at)
                call++;
        for (; call < end; call++) {
                const struct faults_call *kind = faults_call_of(*call);
                unsigned at = faults_count(trace, call + 1, *call);

                if (kind != NULL && at <= FAULTS_KIND_MAX)
                        faults_inject(play, first, (struct faults_fault){ *call, at, kind->errors[0], false },
                                      figures);
        }
}

/* All ways in which the `at`th of a kind can fail. */
static inline void faults_inject_all(const struct faults_play *play, const struct faults_call *kind,
                                     unsigned at, bool comes_again, struct faults_figures *figures)
{
        const char *wish = getenv("FAULTS");

        for (size_t i = 0; kind->errors[i] != 0; i++)
                for (int persistent = 0; persistent <= comes_again; persistent++)
                        faults_inject(
                                play,
                                (struct faults_fault){ kind->number, at, kind->errors[i], persistent != 0 },
                                faults_none, figures);
        if (wish != NULL && strcmp(wish, "pairs") == 0)
                faults_inject_pairs(play, (struct faults_fault){ kind->number, at, kind->errors[0], false },
                                    figures);
}

/** Perform a play with every fault; with FAULTS=pairs in the environment, with two at a time as well. */
static inline void faults_everywhere(const struct faults_play *play)
{
        static const struct faults_call allocation = { FAULTS_ALLOCATION, "allocation", TOLD, { ENOMEM } };
        static long trace[FAULTS_CALLS_MAX];
        struct faults_figures figures = { 0 };

        if (child_wait(child_start(faults_try_trace)) != 0)
                cr_skip_test("tracing is not permitted here");
        faults_stage = child_shared(sizeof *faults_stage);
        faults_try(play, faults_none, faults_none, trace, &figures);
        figures.calls = faults_run.calls;
        figures.allocations = faults_stage->allocations;
        for (const long *call = trace; call < trace + figures.calls; call++) {
                const struct faults_call *kind = faults_call_of(*call);
                unsigned at = faults_count(trace, call + 1, *call);
                bool comes_again = faults_count(call + 1, trace + figures.calls, *call) != 0;

                if (kind != NULL && at <= FAULTS_KIND_MAX)
                        faults_inject_all(play, kind, at, comes_again, &figures);
        }
        for (unsigned at = 1; at <= figures.allocations; at++)
                faults_inject_all(play, &allocation, at, true, &figures);
        faults_print(play, &figures);
        cr_assert(zero(uint, figures.complaints));
        cr_assert(lt(uint, 0, figures.faults));
}

/** The player: a result, and what it would be without faults. @return the result */
static inline int faults_note(int result, int natural)
{
        if (result < 0 && result > -256)
                faults_stage->errors[-result]++;
        else
                faults_stage->states[result < 0 || result > 31 ? 31 : result]++;
        faults_stage->told |= result != natural || result < 0;
        if (result != natural && !faults_is_explained(faults_run.play, result))
                faults_complain("the result is %d (%s), not %d", result, seqcast_strerror(result), natural);
        return result;
}

#endif
