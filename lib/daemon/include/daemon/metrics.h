/* SPDX-License-Identifier: Apache-2.0
 * Numbers of a daemon in Prometheus' text format: counters, gauges, histograms.
 *
 * Names start with stoa_ and end in their unit (_total, _seconds, _bytes). All functions belong to
 * the loop's thread; numbers that workers count are read by a function when somebody asks. A metric
 * lives as long as its registry. */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stddef.h>

#include <base/attr.h>

struct daemon_metrics;
struct daemon_metric;

struct daemon_metrics *daemon_metrics_new(void);
void daemon_metrics_free(struct daemon_metrics *ms);

/* Each returns the metric of that name and labels, new or known.
 * Shape: labels are as in the output, `type="x",code="OK"`, or NULL; quote values with
 *        daemon_metric_label(). help is taken from the first of a name. At most DAEMON_METRICS_MAX
 *        are kept; beyond that all further ones share one that is not printed. */
struct daemon_metric *daemon_metric_counter(struct daemon_metrics *ms, const char *name,
                                            const char *help, const char *labels);
struct daemon_metric *daemon_metric_gauge(struct daemon_metrics *ms, const char *name,
                                          const char *help, const char *labels);

/* A histogram of seconds with bounds from 1 ms to 10 s. */
struct daemon_metric *daemon_metric_histogram(struct daemon_metrics *ms, const char *name,
                                              const char *help, const char *labels);

/* Makes a counter or gauge ask `read` for its value whenever it is printed. */
void daemon_metric_read(struct daemon_metric *m, double (*read)(void *arg), void *arg);

void daemon_metric_add(struct daemon_metric *m, double n);
void daemon_metric_set(struct daemon_metric *m, double value);
void daemon_metric_observe(struct daemon_metric *m, double seconds);
double daemon_metric_value(const struct daemon_metric *m);

/* Returns `key="value"` with the value escaped. Owner: the caller, ends with free(). */
char *daemon_metric_label(const char *key, const char *value);

/* Returns all metrics in Prometheus' text format 0.0.4. Owner: the caller, ends with free(). */
char *daemon_metrics_print(const struct daemon_metrics *ms);

/* Calls `fn` for every counter and gauge. `labels` is "" when there are none. */
void daemon_metrics_each(const struct daemon_metrics *ms,
                         void (*fn)(void *arg, const char *name, const char *labels, double value),
                         void *arg);

enum { DAEMON_METRICS_MAX = 1000 };

#endif
