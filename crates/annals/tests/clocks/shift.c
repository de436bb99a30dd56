/* Shifts the clocks of the program that it is loaded into: the wall clock by the seconds in the file $SHIFT_WALL, the time
   since the machine was started by those in $SHIFT_BOOT; the kernel's status of the wall clock is the number in
   $SHIFT_STATUS. A suspend shifts both clocks, setting the wall clock shifts one. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static long number_in(const char *variable) {
    const char *name = getenv(variable);
    FILE *file = name ? fopen(name, "r") : NULL;
    long number = 0;
    if (file) {
        if (fscanf(file, "%ld", &number) != 1) number = 0;
        fclose(file);
    }
    return number;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME) time->tv_sec += number_in("SHIFT_WALL");
    if (clock == CLOCK_BOOTTIME) time->tv_sec += number_in("SHIFT_BOOT");
    return result;
}

int adjtimex(struct timex *told) {
    told->status = number_in("SHIFT_STATUS");
    return 0;
}
