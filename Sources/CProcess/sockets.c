#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// By sock_diag(7): the kernel goes through its listening sockets only. For /proc/net/tcp it walks the table of all
// connections that there could be, which takes as long as starting a program.
static int ask(int netlink, int family) {
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request;
    memset(&request, 0, sizeof request);
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = (uint8_t)family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = 1 << 10; // TCP_LISTEN
    return send(netlink, &request, sizeof request, 0) < 0 ? -errno : 0;
}

int convoy_tcp_listeners(int family, struct convoy_listener *found, int capacity) {
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return -errno;
    int count = ask(netlink, family);
    char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
    while (count >= 0) {
        ssize_t length = recv(netlink, buffer, sizeof buffer, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) {
            count = length < 0 ? -errno : -EPROTO;
            break;
        }
        int is_over = 0;
        int left = (int)length;
        for (struct nlmsghdr *head = (struct nlmsghdr *)buffer; count >= 0 && NLMSG_OK(head, left);
             head = NLMSG_NEXT(head, left)) {
            if (head->nlmsg_type == NLMSG_DONE) {
                is_over = 1;
                break;
            }
            if (head->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *error = NLMSG_DATA(head);
                count = error->error < 0 ? error->error : -EPROTO;
            } else if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY) {
                const struct inet_diag_msg *row = NLMSG_DATA(head);
                if (count == capacity) {
                    count = -ENOBUFS;
                } else {
                    found[count].port = ntohs(row->id.idiag_sport);
                    found[count].inode = row->idiag_inode;
                    count++;
                }
            }
        }
        if (is_over) break;
    }
    close(netlink);
    return count;
}
