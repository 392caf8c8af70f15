/* A Modbus TCP server on libmodbus whose every value says where it was read: holding(unit, address) = unit * 1000 + address.
 *
 * modbus_server [--host IP] [--size N] [--hole FIRST-LAST] [--silent UNIT]... [--step] --units 1,2,3 PORT...
 *
 * Input registers are the complement to 65535, a coil is the lowest bit of unit + address, a discrete input the other one.
 * With --step each register rises by one with every request that this unit has answered on this port, modulo 65536.
 * An address in the hole or from size on is answered with exception 2, a unit that is not served with 11, a silent one not
 * at all. A request that would write is refused with exception 1 and reported on stderr.
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { UNITS = 256, CELLS = 65536, MOST_PORTS = 256, MOST_FDS = 4096 };

static modbus_mapping_t *cells;
static int served[UNITS], silent[UNITS];
static int hole_first = -1, hole_last = -2, size = 10000, step;
static unsigned answered[MOST_PORTS][UNITS];
static int ports, listener_of[MOST_FDS]; /* the port a connection came in by, counted from 0 */
static int is_listener[MOST_FDS];

static void fill(int port, int unit, int function, int first, int count)
{
    unsigned steps = step ? answered[port][unit] : 0;
    for (int address = first; address < first + count && address < size; address++) {
        uint16_t holding = (uint16_t)(unit * 1000 + address + steps);
        uint8_t coil = (uint8_t)((unit + address + steps) & 1);
        switch (function) {
        case MODBUS_FC_READ_COILS: cells->tab_bits[address] = coil; break;
        case MODBUS_FC_READ_DISCRETE_INPUTS: cells->tab_input_bits[address] = !coil; break;
        case MODBUS_FC_READ_HOLDING_REGISTERS: cells->tab_registers[address] = holding; break;
        case MODBUS_FC_READ_INPUT_REGISTERS: cells->tab_input_registers[address] = (uint16_t)~holding; break;
        }
    }
}

static void answer(modbus_t *modbus, int port, const uint8_t *query, int length)
{
    int header = modbus_get_header_length(modbus);
    int unit = query[header - 1], function = query[header];
    if (silent[unit])
        return;
    if (!served[unit]) {
        modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_GATEWAY_TARGET);
        return;
    }
    if (function < MODBUS_FC_READ_COILS || function > MODBUS_FC_READ_INPUT_REGISTERS) {
        int write = function == 5 || function == 6 || function == 15 || function == 16 || function == 22 || function == 23;
        fprintf(stderr, "%s unit %d function %d\n", write ? "WRITE" : "refused", unit, function);
        modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_ILLEGAL_FUNCTION);
        return;
    }
    int first = query[header + 1] << 8 | query[header + 2], count = query[header + 3] << 8 | query[header + 4];
    if (first <= hole_last && first + count > hole_first) {
        modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
        return;
    }
    fill(port, unit, function, first, count);
    if (modbus_reply(modbus, query, length, cells) > 0)
        answered[port][unit]++;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= MOST_FDS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

static void serve(modbus_t *modbus, int epoll)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    struct epoll_event events[64];
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (is_listener[fd]) {
                int listener = fd, peer = modbus_tcp_accept(modbus, &listener);
                if (peer >= 0) {
                    listener_of[peer] = listener_of[fd];
                    watch(epoll, peer);
                }
                continue;
            }
            modbus_set_socket(modbus, fd);
            int length = modbus_receive(modbus, query);
            if (length > 0)
                answer(modbus, listener_of[fd], query, length);
            else if (length < 0)
                close(fd);
        }
    }
}

static void units(char *list)
{
    for (char *unit = strtok(list, ","); unit; unit = strtok(NULL, ","))
        served[atoi(unit) & 255] = 1;
}

int main(int argc, char **argv)
{
    int epoll = epoll_create1(0);
    modbus_t *modbus = NULL;
    const char *host = "127.0.0.1";
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--host"))
            host = argv[++i];
        else if (!strcmp(argv[i], "--size"))
            size = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--units"))
            units(argv[++i]);
        else if (!strcmp(argv[i], "--silent"))
            silent[atoi(argv[++i]) & 255] = 1;
        else if (!strcmp(argv[i], "--hole"))
            sscanf(argv[++i], "%d-%d", &hole_first, &hole_last);
        else if (!strcmp(argv[i], "--step"))
            step = 1;
        else {
            modbus_t *one = modbus_new_tcp(host, atoi(argv[i]));
            int fd = one ? modbus_tcp_listen(one, 64) : -1;
            if (fd < 0 || ports == MOST_PORTS) {
                fprintf(stderr, "port %s: %s\n", argv[i], modbus_strerror(errno));
                return 1;
            }
            is_listener[fd] = 1;
            listener_of[fd] = ports++;
            watch(epoll, fd);
            modbus = one;
        }
    }
    cells = modbus_mapping_new(size, size, size, size);
    if (!modbus || !cells || size > CELLS) {
        fprintf(stderr, "a port and a size of at most %d are needed\n", CELLS);
        return 1;
    }
    serve(modbus, epoll);
}
