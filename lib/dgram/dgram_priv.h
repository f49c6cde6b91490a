/* SPDX-License-Identifier: Apache-2.0
 * A data plane socket's inside. */
#ifndef DGRAM_PRIV_H
#define DGRAM_PRIV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <dgram/dgram.h>

enum {
    RX_BATCH = 64,
    RX_SIZE_B = 65536, /* what UDP_GRO may join */
};

struct rx_message {
    struct sockaddr_storage from;
    _Alignas(size_t) uint8_t control[128];
    uint8_t data[RX_SIZE_B];
};

struct queue;

struct dgram {
    int fd;
    bool v6;           /* AF_INET6 socket: IPv4 is written as mapped addresses */
    bool connected;    /* dgram_connect() */
    int error;         /* of a connected socket, met by sending; 0: none */
    bool gso;          /* the kernel takes UDP_SEGMENT */
    struct addr local; /* as bound */
    struct rx_message *rx;
    struct queue *tx;
    struct dgram_stats stats;
};

struct queue *dgram_queue_new(void);
void dgram_queue_free(struct queue *q);

/* An address in the form that the socket's family needs. */
socklen_t dgram_sockaddr(const struct dgram *d, const struct addr *a, struct sockaddr_storage *ss);
void dgram_map_v4(struct in6_addr *out, const struct addr *a);

#endif
