// Loaded into a program by LD_PRELOAD: calls on files below the folder $RECONET_FAULT fail, or are slow, as
// $RECONET_FAULT_AT says ("CALL NUMBER ERRNO HOW NAME": the NUMBERth CALL, or byte, on files called NAME fails with
// ERRNO, HOW `once` or from there `on`; HOW a number: it works, after so many microseconds).
// $RECONET_FAULT_LOG is a file that gets a line for each call; the first failure makes the file $RECONET_FAULT/struck.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long long reached;
static int failed;

static int here(const char *path) {
    const char *folder = getenv("RECONET_FAULT");
    return folder && (path[0] != '/' || strncmp(path, folder, strlen(folder)) == 0);
}

static void put(const char *path, int flags, const char *text) {
    int file = syscall(SYS_openat, AT_FDCWD, path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0) {
        syscall(SYS_write, file, text, strlen(text));
        syscall(SYS_close, file);
    }
}

static void struck(void) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/struck", getenv("RECONET_FAULT"));
    put(path, O_EXCL, "");
}

// How many of `amount` bytes (or calls, 1) may still be done: all, or fewer, and the error is set.
static long long allowed(const char *call, const char *path, long long amount) {
    const char *log = getenv("RECONET_FAULT_LOG"), *plan = getenv("RECONET_FAULT_AT");
    if ((!log && !plan) || !here(path))
        return amount;
    int before = errno;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (log) {
        char line[PATH_MAX + 64];
        snprintf(line, sizeof line, "%s %lld %s\n", call, amount, name);
        put(log, O_APPEND, line);
    }
    char wanted[16], how[16], pattern[300];
    long long number;
    int error, all = 0;
    if (!plan || sscanf(plan, "%15s %lld %d %15s %n", wanted, &number, &error, how, &all) < 4 || !all ||
        strcmp(wanted, call) || snprintf(pattern, sizeof pattern, "%s", plan + all) < 0 || fnmatch(pattern, name, 0)) {
        errno = before;
        return amount;
    }
    if (how[0] >= '0' && how[0] <= '9') {
        struck();
        usleep(atoi(how));
        errno = before;
        return amount;
    }
    pthread_mutex_lock(&mutex);
    long long done = amount;
    if (failed ? !strcmp(how, "on") : reached + amount > number) {
        done = failed || number < reached ? 0 : number - reached;
        if (done == 0) {
            failed = 1;
            struck();
        }
    }
    reached += done;
    pthread_mutex_unlock(&mutex);
    errno = done ? before : error;
    return done;
}

static long long allowed_by(const char *call, int file, long long amount) {
    char link[64], path[PATH_MAX];
    struct stat status;
    int before = errno;
    if (amount <= 0 || !getenv("RECONET_FAULT") || syscall(SYS_fstat, file, &status) || !S_ISREG(status.st_mode)) {
        errno = before;
        return amount;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
    errno = before;
    if (length <= 0 || path[0] != '/')
        return amount;
    path[length] = 0;
    return allowed(call, path, amount);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    long long most = allowed_by("write", file, size);
    return most || !size ? real(file, data, most) : -1;
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    long long most = allowed_by("write", file, size);
    return most || !size ? real(file, data, most, at) : -1;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    long long size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (allowed_by("write", file, size) == size)
        return real(file, parts, count);
    errno = errno ? errno : ENOSPC;
    return -1;
}

ssize_t sendfile64(int to, int from, off_t *at, size_t size) {
    REAL(ssize_t, "sendfile64", int, int, off_t *, size_t);
    long long most = allowed_by("write", to, size);
    return most || !size ? real(to, from, at, most) : -1;
}

ssize_t read(int file, void *data, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    long long most = allowed_by("read", file, size);
    return most || !size ? real(file, data, most) : -1;
}

static int opened(const char *name, const char *path, int flags, int mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    (void)name;
    if ((flags & O_CREAT) && !allowed("open", path, 1))
        return -1;
    return real(AT_FDCWD, path, flags, mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0; \
        va_end(more); \
        return opened(#name, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define ON_NAME(name, call, path, types, names) \
    int name types { \
        static int(*real) types; \
        if (!real) real = (int(*) types)dlsym(RTLD_NEXT, #name); \
        return allowed(call, path, 1) ? real names : -1; \
    }
ON_NAME(rename, "rename", to, (const char *from, const char *to), (from, to))
ON_NAME(renameat, "rename", to, (int a, const char *from, int b, const char *to), (a, from, b, to))
ON_NAME(link, "link", to, (const char *from, const char *to), (from, to))
ON_NAME(linkat, "link", to, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
ON_NAME(mkdir, "mkdir", path, (const char *path, mode_t mode), (path, mode))
ON_NAME(unlink, "unlink", path, (const char *path), (path))

#define ON_FILE(name, call) \
    int name(int file) { \
        REAL(int, #name, int); \
        return allowed_by(call, file, 1) ? real(file) : -1; \
    }
ON_FILE(fsync, "fsync")
ON_FILE(fdatasync, "fsync")
