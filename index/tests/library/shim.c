/* Sees every system call that changes files below one folder: writes a log of them, or makes one of them fail.
 *
 * Loaded by LD_PRELOAD. Its constructor installs a seccomp filter that turns the calls in question into SIGSYS; the handler carries
 * them out itself, one at a time, and puts the result where the caller expects it. Replacing the functions of libc would see less:
 * tempfile renames through rustix, which makes its system calls without libc. Not seen: stores through a shared mapping (SQLite's
 * -shm file, which is rebuilt after a crash), and copy_file_range and splice, which this library does not use.
 *
 *   TANYA_SHIM_ROOT    the folder, absolute, without symbolic links
 *   TANYA_SHIM_LOG     the log to append to
 *   TANYA_SHIM_MARKER  a file outside the folder: what is written to it is put into the log in its place
 *   TANYA_SHIM_DATA    "1": log every call with its data; otherwise only the failed one and the end
 *   TANYA_SHIM_FAIL    the number of the call that fails, from 1; 0 or nothing: none
 *   TANYA_SHIM_ERRNO   its error; 0: no error, but only the first half of what should have been written
 *
 * A record of the log: "OP NUMBER LENGTH LENGTH LENGTH\n", then two paths (relative to the folder) and data of these lengths, then
 * "\n". OP: C created, T truncated to NUMBER, W written at NUMBER, S synced, M directory made, R renamed, U unlinked, X directory
 * removed, A marker, F call NUMBER failed, ? something that the log cannot express, E end after NUMBER calls.
 *
 * fsync and fdatasync are logged and not carried out: the tests make their own power cuts. The handler allocates nothing and calls
 * nothing but system calls; these carry a mark in the sixth argument, which none of them uses, that lets them pass the filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define MARK 0x74616e7961736869L /* "tanyashi" */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "unknown registers"
#endif

static char root[PATH_MAX];
static size_t root_length;
static char marker[PATH_MAX];
static int log_fd = -1;
static int with_data;
static long fail_at;
static int fail_errno;
static long calls; /* guarded by lock, as the order of the log is */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Passes the filter; the result as the kernel gives it. */
static long raw(long number, long a, long b, long c, long d, long e) {
    long result = syscall(number, a, b, c, d, e, MARK);
    return result < 0 ? -errno : result;
}

static void give_up(const char *why) {
    raw(SYS_write, 2, (long)why, (long)strlen(why), 0, 0);
    raw(SYS_exit_group, 98, 0, 0, 0, 0);
}

static void record(char op, long number, const char *path, const char *path2, const void *data, size_t length) {
    char head[96];
    size_t path_length = strlen(path), path2_length = strlen(path2);
    int head_length =
        snprintf(head, sizeof head, "%c %ld %zu %zu %zu\n", op, number, path_length, path2_length, length);
    struct iovec parts[5] = {
        {head, (size_t)head_length},
        {(void *)path, path_length},
        {(void *)path2, path2_length},
        {(void *)data, length},
        {"\n", 1},
    };
    long whole = head_length + (long)(path_length + path2_length + length) + 1;
    if (raw(SYS_writev, log_fd, (long)parts, 5, 0, 0) != whole) {
        give_up("shim: the log cannot be written\n");
    }
}

/* The path behind a file descriptor; false for what has none (any more). */
static int path_of_fd(long fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    long length = raw(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, PATH_MAX - 1, 0);
    if (length <= 0 || path[0] != '/') {
        return 0;
    }
    path[length] = 0;
    const char *gone = " (deleted)";
    size_t tail = strlen(gone);
    return (size_t)length < tail || strcmp(path + length - tail, gone) != 0;
}

/* Makes a path absolute. */
static int absolute(long dir, const char *given, char *path) {
    size_t length = 0;
    if (given[0] != '/') {
        if ((int)dir == AT_FDCWD) {
            long got = raw(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/cwd", (long)path, PATH_MAX - 1, 0);
            length = got > 0 ? (size_t)got : 0;
        } else if (path_of_fd(dir, path)) {
            length = strlen(path);
        }
        if (length == 0) {
            return 0;
        }
        path[length++] = '/';
    }
    size_t more = strlen(given);
    if (length + more >= PATH_MAX) {
        return 0;
    }
    memcpy(path + length, given, more + 1);
    return 1;
}

/* The path below the folder, "" for the folder itself, NULL for any other. */
static const char *below(const char *path) {
    if (strncmp(path, root, root_length) != 0) {
        return NULL;
    }
    if (path[root_length] == 0) {
        return path + root_length;
    }
    return path[root_length] == '/' ? path + root_length + 1 : NULL;
}

/* Counts a call below the folder; true if it is the one to fail. */
static int fails(const char *path) {
    calls++;
    if (calls != fail_at) {
        return 0;
    }
    record('F', calls, path, "", "", 0);
    return 1;
}

static void note(char op, long number, const char *path, const char *path2, const void *data, size_t length) {
    if (with_data) {
        record(op, number, path, path2, data, length);
    }
}

static long do_write(long number, long *a) {
    char path[PATH_MAX];
    int vector = number == SYS_writev || number == SYS_pwritev;
    if (!path_of_fd(a[0], path)) {
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    if (marker[0] && strcmp(path, marker) == 0) {
        if (!vector) {
            note('A', 0, "", "", (const void *)a[1], (size_t)a[2]);
        }
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    const char *name = below(path);
    if (!name) {
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    long amount = a[2];
    if (fails(name)) {
        if (fail_errno) {
            return -fail_errno;
        }
        /* Half of the bytes, or of the buffers. */
        amount = amount > 1 ? amount / 2 : amount;
    }
    long result = raw(number, a[0], a[1], amount, a[3], a[4]);
    if (result <= 0 || !with_data) {
        return result;
    }
    int placed = number == SYS_pwrite64 || number == SYS_pwritev;
    long at = placed ? a[3] : raw(SYS_lseek, a[0], 0, SEEK_CUR, 0, 0) - result;
    if (!vector) {
        note('W', at, name, "", (const void *)a[1], (size_t)result);
        return result;
    }
    const struct iovec *parts = (const struct iovec *)a[1];
    long left = result;
    for (long i = 0; i < amount && left > 0; i++) {
        long length = (long)parts[i].iov_len < left ? (long)parts[i].iov_len : left;
        note('W', at, name, "", parts[i].iov_base, (size_t)length);
        at += length;
        left -= length;
    }
    return result;
}

static long do_fd(long number, long *a) {
    char path[PATH_MAX];
    const char *name = path_of_fd(a[0], path) ? below(path) : NULL;
    if (!name) {
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    if (fails(name) && fail_errno) {
        return -fail_errno;
    }
    if (number == SYS_fsync || number == SYS_fdatasync) {
        note('S', 0, name, "", "", 0);
        return 0;
    }
    long result = raw(number, a[0], a[1], a[2], a[3], a[4]);
    if (result >= 0) {
        note(number == SYS_ftruncate ? 'T' : '?', a[1], name, "", "", 0);
    }
    return result;
}

static long do_open(long dir, const char *given, long flags, long mode) {
    char path[PATH_MAX];
    const char *name = NULL;
    if ((flags & (O_CREAT | O_TRUNC)) && absolute(dir, given, path)) {
        name = below(path);
    }
    int exists = name && raw(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0) == 0;
    int creates = name && !exists && (flags & O_CREAT);
    int truncates = name && exists && (flags & O_TRUNC);
    if ((creates || truncates) && fails(name) && fail_errno) {
        return -fail_errno;
    }
    long result = raw(SYS_openat, dir, (long)given, flags, mode, 0);
    if (result >= 0 && creates) {
        note('C', 0, name, "", "", 0);
    }
    if (result >= 0 && truncates) {
        note('T', 0, name, "", "", 0);
    }
    return result;
}

/* Calls that take one path: op says which. */
static long do_path(char op, long number, long *a, long dir, const char *given, long length) {
    char path[PATH_MAX];
    const char *name = absolute(dir, given, path) ? below(path) : NULL;
    if (!name) {
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    /* What is not there to be removed, or is there already, is no change. */
    int exists = raw(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0) == 0;
    if (exists != (op == 'M') && fails(name) && fail_errno) {
        return -fail_errno;
    }
    long result = raw(number, a[0], a[1], a[2], a[3], a[4]);
    if (result >= 0) {
        note(op, length, name, "", "", 0);
    }
    return result;
}

static long do_rename(long number, long *a, long dir, const char *from, long dir2, const char *to) {
    char path[PATH_MAX], path2[PATH_MAX];
    const char *name = absolute(dir, from, path) ? below(path) : NULL;
    const char *name2 = absolute(dir2, to, path2) ? below(path2) : NULL;
    if (!name && !name2) {
        return raw(number, a[0], a[1], a[2], a[3], a[4]);
    }
    int exists = raw(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0) == 0;
    if (exists && fails(name ? name : name2) && fail_errno) {
        return -fail_errno;
    }
    long result = raw(number, a[0], a[1], a[2], a[3], a[4]);
    if (result >= 0) {
        int known = number != SYS_linkat && name && name2;
#ifdef SYS_link
        known = known && number != SYS_link;
#endif
        note(known ? 'R' : '?', 0, name ? name : "", name2 ? name2 : "", "", 0);
    }
    return result;
}

static long carry_out(long number, long *a) {
    switch (number) {
    case SYS_write:
    case SYS_pwrite64:
    case SYS_writev:
    case SYS_pwritev:
        return do_write(number, a);
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_sendfile:
        return do_fd(number, a);
    case SYS_openat:
        return do_open(a[0], (const char *)a[1], a[2], a[3]);
    case SYS_truncate:
        return do_path('T', number, a, AT_FDCWD, (const char *)a[0], a[1]);
    case SYS_unlinkat:
        return do_path(a[2] & AT_REMOVEDIR ? 'X' : 'U', number, a, a[0], (const char *)a[1], 0);
    case SYS_mkdirat:
        return do_path('M', number, a, a[0], (const char *)a[1], 0);
    case SYS_renameat2:
#ifdef SYS_renameat
    case SYS_renameat:
#endif
    case SYS_linkat:
        return do_rename(number, a, a[0], (const char *)a[1], a[2], (const char *)a[3]);
#ifdef SYS_open
    case SYS_open:
        return do_open(AT_FDCWD, (const char *)a[0], a[1], a[2]);
    case SYS_creat:
        return do_open(AT_FDCWD, (const char *)a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1]);
    case SYS_unlink:
        return do_path('U', number, a, AT_FDCWD, (const char *)a[0], 0);
    case SYS_rmdir:
        return do_path('X', number, a, AT_FDCWD, (const char *)a[0], 0);
    case SYS_mkdir:
        return do_path('M', number, a, AT_FDCWD, (const char *)a[0], 0);
    case SYS_rename:
    case SYS_link:
        return do_rename(number, a, AT_FDCWD, (const char *)a[0], AT_FDCWD, (const char *)a[1]);
#endif
    default:
        return -ENOSYS;
    }
}

static void on_call(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number;
    int kept = errno;
    ucontext_t *thread = context;
#if defined(__x86_64__)
    greg_t *r = thread->uc_mcontext.gregs;
    long a[5] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8]};
#else
    unsigned long long *r = thread->uc_mcontext.regs;
    long a[5] = {(long)r[0], (long)r[1], (long)r[2], (long)r[3], (long)r[4]};
#endif
    /* No thread can hold it here: the calls made under it pass the filter. */
    pthread_mutex_lock(&lock);
    long result = carry_out(info->si_syscall, a);
    pthread_mutex_unlock(&lock);
#if defined(__x86_64__)
    r[REG_RAX] = result;
#else
    r[0] = (unsigned long long)result;
#endif
    errno = kept;
}

static const int trapped[] = {
    SYS_write,  SYS_pwrite64, SYS_writev,    SYS_pwritev,  SYS_fsync,   SYS_fdatasync, SYS_ftruncate,
    SYS_openat, SYS_truncate, SYS_fallocate, SYS_sendfile, SYS_unlinkat, SYS_mkdirat,   SYS_renameat2,
    SYS_linkat,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_open
    SYS_open,   SYS_creat,    SYS_unlink,    SYS_rmdir,    SYS_mkdir,   SYS_rename,    SYS_link,
#endif
};

#define TRAPPED (sizeof trapped / sizeof trapped[0])
#define HALF(offset, half) ((unsigned)(offset) + 4 * (half)) /* both architectures are little-endian */

static int install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_call;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, NULL)) {
        return -1;
    }
    struct sock_filter program[TRAPPED + 9];
    size_t n = 0;
    size_t argument = offsetof(struct seccomp_data, args) + 5 * sizeof(unsigned long long);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, TRAPPED + 5);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HALF(argument, 0));
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)MARK, 0, 2);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HALF(argument, 1));
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(MARK >> 32), TRAPPED + 1, 0);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < TRAPPED; i++) {
        program[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)trapped[i], TRAPPED - i, 0);
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog filter = {(unsigned short)n, program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

static long number_of(const char *name) {
    const char *value = getenv(name);
    return value ? atol(value) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("TANYA_SHIM_ROOT"), *log = getenv("TANYA_SHIM_LOG"), *mark = getenv("TANYA_SHIM_MARKER");
    if (!folder || !log || strlen(folder) >= sizeof root || (mark && strlen(mark) >= sizeof marker)) {
        return;
    }
    strcpy(root, folder);
    root_length = strlen(root);
    if (mark) {
        strcpy(marker, mark);
    }
    with_data = number_of("TANYA_SHIM_DATA") != 0;
    fail_at = number_of("TANYA_SHIM_FAIL");
    fail_errno = (int)number_of("TANYA_SHIM_ERRNO");
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* Out of the way of the program's own numbers. */
    log_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 200);
    if (fd >= 0) {
        close(fd);
    }
    if (log_fd < 0) {
        give_up("shim: the log cannot be opened\n");
    }
    /* Where filters are not allowed the log stays empty, which tells the test. */
    if (install()) {
        close(log_fd);
        log_fd = -1;
    }
}

__attribute__((destructor)) static void end(void) {
    if (log_fd >= 0) {
        pthread_mutex_lock(&lock);
        record('E', calls, "", "", "", 0);
        pthread_mutex_unlock(&lock);
    }
}
