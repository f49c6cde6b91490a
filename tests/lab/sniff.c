/* SPDX-License-Identifier: Apache-2.0
 * Looks for addresses in everything that passes an interface: as text anywhere; as bytes in the IP
 * header, and in STUN messages as they are and XOR-ed (RFC 8489 s14.2). Not as bytes in other
 * payload: of some megabytes of encrypted media, one in a hundred has any four bytes by chance.
 * Ends with SIGTERM and says what it has seen.
 *
 *   sniff INTERFACE IPV4...     prints "packets N" and, per address, "ADDRESS found M first HEX" */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WANTED_MAX = 8, PACKET_MAX = 65536, SHOWN = 96, HEADERS_B = 14 + 20 };

#define STUN_COOKIE { 0x21, 0x12, 0xa4, 0x42 } /* RFC 8489 s5 */

struct wanted {
    const char *text;
    uint8_t plain[4], xored[4];
    unsigned long found;
    uint8_t first[SHOWN]; /* of the first packet that has it */
    size_t first_len;
};

static volatile sig_atomic_t over;

static void on_signal(int signum)
{
    (void)signum;
    over = 1;
}

static bool has(const uint8_t *data, size_t len, const uint8_t what[4])
{
    return memmem(data, len, what, 4) != NULL;
}

static void look(struct wanted *w, const uint8_t *data, size_t len)
{
    static const uint8_t cookie[4] = STUN_COOKIE;
    size_t header = len < HEADERS_B ? len : HEADERS_B;
    bool stun = has(data, len, cookie);

    if (!has(data, header, w->plain) && !memmem(data, len, w->text, strlen(w->text)) &&
        !(stun && (has(data, len, w->plain) || has(data, len, w->xored))))
        return;
    if (w->found++ == 0) {
        w->first_len = len < SHOWN ? len : SHOWN;
        memcpy(w->first, data, w->first_len);
    }
}

static int open_on(const char *interface)
{
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

    at.sll_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
        fprintf(stderr, "sniff: %s: %s\n", interface, strerror(errno));
        return -1;
    }
    return fd;
}

static void report(const struct wanted *w, size_t n, unsigned long packets)
{
    printf("packets %lu\n", packets);
    for (size_t i = 0; i < n; i++) {
        printf("%s found %lu", w[i].text, w[i].found);
        for (size_t k = 0; k < w[i].first_len; k++)
            printf("%s%02x", k ? "" : " first ", w[i].first[k]);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    static const uint8_t cookie[4] = STUN_COOKIE;
    static uint8_t data[PACKET_MAX];
    struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: recv() ends */
    struct wanted w[WANTED_MAX] = { 0 };
    unsigned long packets = 0;
    size_t n = 0;
    int fd;

    if (argc < 3 || argc - 2 > WANTED_MAX) {
        fprintf(stderr, "usage: sniff INTERFACE IPV4...\n");
        return 2;
    }
    for (; (int)n < argc - 2; n++) {
        w[n].text = argv[n + 2];
        if (inet_pton(AF_INET, w[n].text, w[n].plain) != 1)
            return 2;
        for (int k = 0; k < 4; k++)
            w[n].xored[k] = w[n].plain[k] ^ cookie[k];
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)sigaction(SIGTERM, &action, NULL);
    fd = open_on(argv[1]);
    if (fd < 0)
        return 1;
    fprintf(stderr, "sniffing\n");
    while (!over) {
        ssize_t len = recv(fd, data, sizeof(data), 0);

        for (size_t i = 0; len > 0 && i < n; i++)
            look(&w[i], data, (size_t)len);
        packets += len > 0;
    }
    report(w, n, packets);
    close(fd);
    return 0;
}
