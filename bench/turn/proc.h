/* SPDX-License-Identifier: Apache-2.0
 * What the kernel says of a process and of the machine. */
#ifndef BENCH_TURN_PROC_H
#define BENCH_TURN_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* User and system time of all threads of a process, ms; resolution 10 ms. Ends the program when
 * there is no such process. */
int64_t proc_cpu_ms(pid_t pid);

/* Resident memory, KiB. */
int64_t proc_rss_kib(pid_t pid);

/* Memory of the kernel's own objects, of which sockets are a part, KiB. Of the whole machine. */
int64_t proc_slab_kib(void);

/* What all processors together have worked since the start of the machine, ms. */
int64_t proc_busy_ms(void);

/* The load average of the last minute. */
double proc_load(void);

int64_t now_ns(void);

#endif
