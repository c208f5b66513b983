/* Adds two milliseconds to every fsync and fdatasync: an ordinary disk. Loaded with LD_PRELOAD by the benchmark. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_two_ms(void) {
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, 0);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_two_ms();
    return real(fd);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_two_ms();
    return real(fd);
}
