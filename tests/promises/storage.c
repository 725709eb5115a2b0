/* Storage as it may be: preloaded into a process, it notes what the process does to the files below STORAGE_ROOT, and
 * makes it fail as the test says.
 *
 * STORAGE_TRACE   every change, in order, one record each: see storage.py, which knows from it what a power loss leaves
 * STORAGE_FAULTS  a file of five numbers, shared with the test: the errno of every fsync, of every write, of every
 *                 creation of a file (0: none), how many bytes may still be written, and how many fsyncs still fail
 *                 (-1: any number)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MAKE_FOLDER, LINK, SYNC_FAILED };
enum { FDS = 65536 };

struct record {
    uint32_t kind, first_size, second_size, unused;
    uint64_t inode;
    int64_t offset;
};

struct faults {
    int64_t sync_errno, write_errno, create_errno, room, failing_syncs;
};

static const char *root;
static size_t root_size;
static int trace = -1;
static volatile struct faults *faults;
static uint64_t inodes[FDS]; /* of the files below the root that are open, by descriptor */

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("STORAGE_TRACE");
    root = getenv("STORAGE_ROOT");
    root_size = root ? strlen(root) : 0;
    if (path) trace = REAL(open)(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if ((path = getenv("STORAGE_FAULTS"))) {
        int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
        void *shared = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        REAL(close)(fd);
        if (shared != MAP_FAILED) faults = shared;
    }
}

static int ours(const char *path) {
    return root_size && path && strncmp(path, root, root_size) == 0;
}

static int fails(int64_t code) {
    if (code) errno = (int)code;
    return code != 0;
}

static void note(uint32_t kind, uint64_t inode, int64_t offset, const void *first, size_t first_size, const void *second,
                 size_t second_size) {
    struct record head = {kind, (uint32_t)first_size, (uint32_t)second_size, 0, inode, offset};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)first, first_size}, {(void *)second, second_size}};
    int before = errno;
    if (trace >= 0 && REAL(writev)(trace, parts, 3) < 0) abort();
    errno = before;
}

static uint64_t inode_of(int fd) {
    return fd >= 0 && fd < FDS ? inodes[fd] : 0;
}

static int opened(int fd, const char *path, int flags, int is_new) {
    struct stat found;
    if (fd < 0 || fd >= FDS || !ours(path) || fstat(fd, &found) != 0) return fd;
    inodes[fd] = found.st_ino;
    if (is_new) note(CREATE, found.st_ino, 0, path, strlen(path), NULL, 0);
    if (flags & O_TRUNC) note(TRUNCATE, found.st_ino, 0, NULL, 0, NULL, 0);
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                        \
        va_end(more);                                                                                                  \
        int is_new = ours(path) && (flags & O_CREAT) && access(path, F_OK) != 0;                                       \
        if (is_new && faults && fails(faults->create_errno)) return -1;                                                \
        return opened(REAL(name)(path, flags, mode), path, flags, is_new);                                             \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < FDS) inodes[fd] = 0;
    return REAL(close)(fd);
}

/* Returns how much of a write there is room for; -1 with errno when it fails. */
static ssize_t room_for(size_t size) {
    if (!faults) return (ssize_t)size;
    if (fails(faults->write_errno)) return -1;
    if (faults->room < 0) return (ssize_t)size;
    int64_t left = __sync_fetch_and_sub((int64_t *)&faults->room, (int64_t)size);
    if (left >= (int64_t)size) return (ssize_t)size;
    faults->room = 0;
    if (left > 0) return (ssize_t)left;
    errno = ENOSPC;
    return -1;
}

#define WRITES(name)                                                                                                   \
    ssize_t name(int fd, const void *data, size_t size, off_t offset) {                                                \
        uint64_t inode = inode_of(fd);                                                                                 \
        if (!inode) return REAL(name)(fd, data, size, offset);                                                         \
        ssize_t room = room_for(size);                                                                                 \
        if (room < 0) return -1;                                                                                       \
        ssize_t written = REAL(name)(fd, data, (size_t)room, offset);                                                  \
        if (written > 0) note(WRITE, inode, offset, data, (size_t)written, NULL, 0);                                \
        return written;                                                                                                \
    }
WRITES(pwrite)
WRITES(pwrite64)

ssize_t write(int fd, const void *data, size_t size) {
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(write)(fd, data, size);
    ssize_t room = room_for(size);
    if (room < 0) return -1;
    ssize_t written = REAL(write)(fd, data, (size_t)room);
    if (written > 0) note(WRITE, inode, lseek(fd, 0, SEEK_CUR) - written, data, (size_t)written, NULL, 0);
    return written;
}

#define TRUNCATES(name)                                                                                                \
    int name(int fd, off_t size) {                                                                                     \
        if (inode_of(fd) && faults && fails(faults->write_errno)) return -1;                                           \
        int failed = REAL(name)(fd, size);                                                                             \
        if (!failed && inode_of(fd)) note(TRUNCATE, inode_of(fd), size, NULL, 0, NULL, 0);                          \
        return failed;                                                                                                 \
    }
TRUNCATES(ftruncate)
TRUNCATES(ftruncate64)

#define SYNCS(name)                                                                                                    \
    int name(int fd) {                                                                                                 \
        if (!inode_of(fd)) return REAL(name)(fd);                                                                      \
        if (faults && faults->sync_errno && faults->failing_syncs) {                                                   \
            if (faults->failing_syncs > 0) faults->failing_syncs--;                                                    \
            note(SYNC_FAILED, inode_of(fd), 0, NULL, 0, NULL, 0);                                                      \
            errno = (int)faults->sync_errno;                                                                           \
            return -1;                                                                                                 \
        }                                                                                                              \
        /* What is noted as synced is on the disk: the test has no other. */                                           \
        note(SYNC, inode_of(fd), 0, NULL, 0, NULL, 0);                                                                 \
        return 0;                                                                                                      \
    }
SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *old, const char *new) {
    int failed = REAL(rename)(old, new);
    if (!failed && ours(old)) note(RENAME, 0, 0, old, strlen(old), new, strlen(new));
    return failed;
}

int link(const char *old, const char *new) {
    int failed = REAL(link)(old, new);
    if (!failed && ours(old)) note(LINK, 0, 0, old, strlen(old), new, strlen(new));
    return failed;
}

int unlink(const char *path) {
    int failed = REAL(unlink)(path);
    if (!failed && ours(path)) note(UNLINK, 0, 0, path, strlen(path), NULL, 0);
    return failed;
}

int mkdir(const char *path, mode_t mode) {
    struct stat made;
    if (ours(path) && faults && fails(faults->create_errno)) return -1;
    int failed = REAL(mkdir)(path, mode);
    if (!failed && ours(path) && stat(path, &made) == 0)
        note(MAKE_FOLDER, made.st_ino, 0, path, strlen(path), NULL, 0);
    return failed;
}
