/* Faults of storage: one call on the files below a folder fails, or ends the process in it.

   Loaded by LD_PRELOAD, without effect until `storage_faults_arm`. From then on calls on paths
   below the folder are counted from 1, and written to a trace, a line for each: number, call, path
   and of a rename the source, with tabs between.
   Call number `at`, and with EVER every later one, returns -1 with errno `code`; KILL ends the
   process. A write that is hit leaves the first half of its bytes, as a full disk does. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEVER, ONCE, EVER, KILL };
static char folder[PATH_MAX];
static long calls, at;
static int mode, code, trace = -1;

int storage_faults_arm(const char *below, long number, int how, int error, int file)
{
    snprintf(folder, sizeof folder, "%s", below);
    calls = 0, at = number, mode = how, code = error, trace = file;
    return 0;
}

long storage_faults_calls(void) { return calls; }

static int below(const char *path)
{
    size_t n = strlen(folder);
    return n && !strncmp(path, folder, n) && (path[n] == '/' || !path[n]);
}

static void of_descriptor(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
}

static void of_name(int directory, const char *name, char *path)
{
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    char parent[PATH_MAX];
    if (directory != AT_FDCWD)
        of_descriptor(directory, parent);
    else if (!getcwd(parent, sizeof parent))
        parent[0] = 0;
    if ((size_t)snprintf(path, PATH_MAX, "%s/%s", parent, name) >= PATH_MAX)
        path[0] = 0;
}

/* Whether the call is hit; with KILL it does not return, after `half` of a write. */
static int hit(const char *call, const char *path, const char *source, int fd, const void *bytes,
               size_t half)
{
    if (!mode && trace < 0)
        return 0;
    if (!below(path))
        return 0;
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (trace >= 0)
        dprintf(trace, "%ld\t%s\t%s\t%s\n", number, call, path, source);
    if (mode == NEVER || number < at || (mode != EVER && number > at))
        return 0;
    if (half && (mode == KILL || code == ENOSPC))
        syscall(SYS_write, fd, bytes, half);
    if (mode == KILL)
        kill(getpid(), SIGKILL);
    errno = code;
    return 1;
}

static int hit_name(const char *call, int directory, const char *name, const char *source)
{
    if (!folder[0] || !name)
        return 0;
    char path[PATH_MAX];
    of_name(directory, name, path);
    return hit(call, path, source, -1, NULL, 0);
}

static int hit_descriptor(const char *call, int fd, const void *bytes, size_t half)
{
    if (!folder[0])
        return 0;
    int before = errno;
    char path[PATH_MAX];
    of_descriptor(fd, path);
    errno = before;
    return hit(call, path, "", fd, bytes, half);
}

#define REAL(name)                                         \
    static __typeof__(name) *real;                         \
    if (!real)                                             \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define ON_NAME_FROM(type, failed, call, parameters, arguments, directory, name, source) \
    type call parameters                                                                 \
    {                                                                                    \
        REAL(call);                                                                      \
        return hit_name(#call, directory, name, source) ? failed : real arguments;       \
    }

#define ON_NAME(type, failed, call, parameters, arguments, directory, name) \
    ON_NAME_FROM(type, failed, call, parameters, arguments, directory, name, "")

#define ON_DESCRIPTOR(type, call, parameters, arguments, fd, bytes, half)       \
    type call parameters                                                        \
    {                                                                           \
        REAL(call);                                                             \
        return hit_descriptor(#call, fd, bytes, half) ? -1 : real arguments;    \
    }

#define ON_OPEN(call, parameters, before, directory)                              \
    int call parameters                                                           \
    {                                                                             \
        REAL(call);                                                               \
        va_list rest;                                                             \
        va_start(rest, flags);                                                    \
        mode_t permissions = va_arg(rest, mode_t);                                \
        va_end(rest);                                                             \
        const char *how = flags & (O_WRONLY | O_RDWR | O_CREAT) ? "open" : "look"; \
        return hit_name(how, directory, name, "") ? -1 : real before;                 \
    }

ON_OPEN(open, (const char *name, int flags, ...), (name, flags, permissions), AT_FDCWD)
ON_OPEN(open64, (const char *name, int flags, ...), (name, flags, permissions), AT_FDCWD)
ON_OPEN(openat, (int d, const char *name, int flags, ...), (d, name, flags, permissions), d)
ON_OPEN(openat64, (int d, const char *name, int flags, ...), (d, name, flags, permissions), d)
ON_NAME(DIR *, NULL, opendir, (const char *name), (name), AT_FDCWD, name)
ON_NAME(int, -1, mkdir, (const char *name, mode_t m), (name, m), AT_FDCWD, name)
ON_NAME(int, -1, mkdirat, (int d, const char *name, mode_t m), (d, name, m), d, name)
ON_NAME(int, -1, rmdir, (const char *name), (name), AT_FDCWD, name)
ON_NAME(int, -1, unlink, (const char *name), (name), AT_FDCWD, name)
ON_NAME(int, -1, unlinkat, (int d, const char *name, int f), (d, name, f), d, name)
ON_NAME(int, -1, chmod, (const char *name, mode_t m), (name, m), AT_FDCWD, name)
ON_NAME(int, -1, fchmodat, (int d, const char *name, mode_t m, int f), (d, name, m, f), d, name)
ON_NAME_FROM(int, -1, rename, (const char *a, const char *name), (a, name), AT_FDCWD, name, a)
ON_NAME_FROM(int, -1, renameat, (int c, const char *a, int d, const char *name), (c, a, d, name), d, name, a)
ON_NAME_FROM(int, -1, link, (const char *a, const char *name), (a, name), AT_FDCWD, name, a)
ON_DESCRIPTOR(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), fd, b, n / 2)
ON_DESCRIPTOR(ssize_t, pwrite64, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), fd, b, 0)
ON_DESCRIPTOR(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), fd, v, 0)
ON_DESCRIPTOR(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n), fd, b, 0)
ON_DESCRIPTOR(int, fsync, (int fd), (fd), fd, NULL, 0)
ON_DESCRIPTOR(int, fdatasync, (int fd), (fd), fd, NULL, 0)
ON_DESCRIPTOR(int, fchmod, (int fd, mode_t m), (fd, m), fd, NULL, 0)
ON_DESCRIPTOR(int, ftruncate64, (int fd, off_t n), (fd, n), fd, NULL, 0)
ON_DESCRIPTOR(int, flock, (int fd, int operation), (fd, operation), fd, NULL, 0)

/* A file whose close fails is closed all the same. */
int close(int fd)
{
    REAL(close);
    int failed = hit_descriptor("close", fd, NULL, 0), error = errno;
    int result = real(fd);
    if (failed)
        errno = error;
    return failed ? -1 : result;
}
