/* Preloaded into a program under test: sees each call that reaches files below some folders, writes it down, and makes one of
 * them fail, or has the program die right there. Read by faults.rs beside it, which says how it is told what to do. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DIE 0
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *below, *rule_kind, *rule_path;
static long rule_time = -1, rule_error;
static int log_to = -1;
static atomic_long met;
static char given[PATH_MAX * 2];

/* FAULTS_BELOW=folder[:folder], FAULTS_LOG=file, FAULTS_RULE=kind|path|time|errno. */
__attribute__((constructor)) static void begin(void) {
    below = getenv("FAULTS_BELOW");
    const char *log = getenv("FAULTS_LOG"), *rule = getenv("FAULTS_RULE");
    if (log)
        log_to = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (rule && strlen(rule) < sizeof given) {
        char *rest;
        strcpy(given, rule);
        rule_kind = strtok_r(given, "|", &rest);
        rule_path = strtok_r(NULL, "|", &rest);
        rule_time = atol(strtok_r(NULL, "|", &rest));
        rule_error = atol(strtok_r(NULL, "|", &rest));
    }
}

static int is_below(const char *path) {
    const char *one = below;
    while (one && *one) {
        size_t length = strcspn(one, ":");
        if (!strncmp(path, one, length) && (path[length] == '/' || !path[length]))
            return 1;
        one += length + (one[length] == ':');
    }
    return 0;
}

/* Whether this call is to fail; then errno says how. */
static int fails_at(const char *kind, const char *path) {
    if (!is_below(path))
        return 0;
    int is_it = rule_kind && !strcmp(kind, rule_kind) && !strcmp(path, rule_path) && atomic_fetch_add(&met, 1) == rule_time;
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", is_it ? "fault" : "call", kind, path);
    if (log_to >= 0 && length > 0 && length < (int)sizeof line)
        syscall(SYS_write, log_to, line, (size_t)length);
    if (!is_it)
        return 0;
    if (rule_error == DIE)
        syscall(SYS_kill, getpid(), SIGKILL);
    errno = (int)rule_error;
    return 1;
}

static int name_of(int file, char *name) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, name, PATH_MAX - 1);
    if (length < 0)
        return 0;
    name[length] = 0;
    return name[0] == '/';
}

static int fails_on(const char *kind, int file) {
    char name[PATH_MAX];
    int before = errno;
    if (!below || !name_of(file, name))
        return errno = before, 0;
    errno = before;
    return fails_at(kind, name);
}

static int fails_in(const char *kind, int folder, const char *path) {
    char whole[PATH_MAX * 2], start[PATH_MAX];
    int before = errno;
    if (!below || !path)
        return 0;
    if (path[0] == '/')
        return fails_at(kind, path);
    if (folder == AT_FDCWD ? !getcwd(start, sizeof start) : !name_of(folder, start))
        return errno = before, 0;
    errno = before;
    snprintf(whole, sizeof whole, "%s/%s", start, path);
    return fails_at(kind, whole);
}

static const char *opening(int flags) {
    return flags & O_CREAT ? "create" : "open";
}

#define OPEN(name)                                                      \
    int name(const char *path, int flags, ...) {                        \
        va_list more;                                                   \
        va_start(more, flags);                                          \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                   \
        if (fails_in(opening(flags), AT_FDCWD, path))                   \
            return -1;                                                  \
        return REAL(name)(path, flags, mode);                           \
    }
#define OPENAT(name)                                                    \
    int name(int folder, const char *path, int flags, ...) {            \
        va_list more;                                                   \
        va_start(more, flags);                                          \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                   \
        if (fails_in(opening(flags), folder, path))                     \
            return -1;                                                  \
        return REAL(name)(folder, path, flags, mode);                   \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* A call on an open file. */
#define ON(kind, result, name, signature, arguments)                    \
    result name signature {                                             \
        if (fails_on(kind, file))                                       \
            return -1;                                                  \
        return REAL(name) arguments;                                    \
    }
ON("read", ssize_t, read, (int file, void *to, size_t length), (file, to, length))
ON("read", ssize_t, pread, (int file, void *to, size_t length, off_t at), (file, to, length, at))
ON("read", ssize_t, pread64, (int file, void *to, size_t length, off64_t at), (file, to, length, at))
ON("read", ssize_t, readv, (int file, const struct iovec *to, int count), (file, to, count))
ON("write", ssize_t, write, (int file, const void *from, size_t length), (file, from, length))
ON("write", ssize_t, pwrite, (int file, const void *from, size_t length, off_t at), (file, from, length, at))
ON("write", ssize_t, pwrite64, (int file, const void *from, size_t length, off64_t at), (file, from, length, at))
ON("write", ssize_t, writev, (int file, const struct iovec *from, int count), (file, from, count))
ON("sync", int, fsync, (int file), (file))
ON("sync", int, fdatasync, (int file), (file))
ON("sync", int, syncfs, (int file), (file))
ON("length", int, ftruncate, (int file, off_t length), (file, length))
ON("length", int, ftruncate64, (int file, off64_t length), (file, length))
ON("length", int, fallocate64, (int file, int mode, off64_t at, off64_t length), (file, mode, at, length))
ON("mode", int, fchmod, (int file, mode_t mode), (file, mode))
ON("time", int, futimens, (int file, const struct timespec *times), (file, times))

int posix_fallocate64(int file, off64_t at, off64_t length) {
    return fails_on("length", file) ? errno : REAL(posix_fallocate64)(file, at, length);
}

/* A call on a name. */
#define AT(kind, name, signature, folder, path, arguments)              \
    int name signature {                                                \
        if (fails_in(kind, folder, path))                               \
            return -1;                                                  \
        return REAL(name) arguments;                                    \
    }
AT("rename", rename, (const char *from, const char *to), AT_FDCWD, to, (from, to))
AT("rename", renameat, (int from_in, const char *from, int in, const char *to), in, to, (from_in, from, in, to))
AT("rename", renameat2, (int from_in, const char *from, int in, const char *to, unsigned flags), in, to,
   (from_in, from, in, to, flags))
AT("delete", unlink, (const char *path), AT_FDCWD, path, (path))
AT("delete", unlinkat, (int in, const char *path, int flags), in, path, (in, path, flags))
AT("delete", rmdir, (const char *path), AT_FDCWD, path, (path))
AT("folder", mkdir, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
AT("folder", mkdirat, (int in, const char *path, mode_t mode), in, path, (in, path, mode))
AT("mode", chmod, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
AT("time", utimensat, (int in, const char *path, const struct timespec times[2], int flags), in, path,
   (in, path, times, flags))

DIR *opendir(const char *path) {
    return fails_in("list", AT_FDCWD, path) ? NULL : REAL(opendir)(path);
}

DIR *fdopendir(int file) {
    return fails_on("list", file) ? NULL : REAL(fdopendir)(file);
}
