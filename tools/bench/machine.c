/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The machine, as /proc and the compiler tell. */

#define _GNU_SOURCE
#include "bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static void read_cpu_model(char *model, size_t capacity)
{
        char line[256];
        FILE *file = fopen("/proc/cpuinfo", "r");

        snprintf(model, capacity, "unknown");
        if (file == NULL)
                return;
        while (fgets(line, sizeof line, file) != NULL) {
                const char *value = strchr(line, ':');

                if (value == NULL || strncmp(line, "model name", 10) != 0)
                        continue;
                value += 1 + strspn(value + 1, " \t");
                snprintf(model, capacity, "%.*s", (int)strcspn(value, "\n"), value);
                break;
        }
        fclose(file);
}

static cpu_set_t usable_cpus(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof set, &set) != 0)
                CPU_ZERO(&set);
        return set;
}

void machine_describe(struct machine *machine)
{
        cpu_set_t usable = usable_cpus();
        struct utsname name;
        struct tm day;
        time_t now = time(NULL);

        read_cpu_model(machine->cpu, sizeof machine->cpu);
        machine->cpus = CPU_COUNT(&usable);
        if (uname(&name) != 0)
                memset(&name, 0, sizeof name);
        snprintf(machine->kernel, sizeof machine->kernel, "%.40s %.80s %.30s", name.sysname, name.release,
                 name.machine);
        snprintf(machine->compiler, sizeof machine->compiler, "%s", COMPILER);
        if (gmtime_r(&now, &day) == NULL ||
            strftime(machine->date, sizeof machine->date, "%Y-%m-%dT%H:%M:%SZ", &day) == 0)
                machine->date[0] = '\0';
}

bool machine_has_cpu(int cpu)
{
        cpu_set_t usable = usable_cpus();

        return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET((size_t)cpu, &usable);
}

/* The number of the core is the same for threads that share one; -1 where the system does not say. */
static long topology(int cpu, const char *what)
{
        char path[96];
        long number = -1;
        FILE *file;

        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, what);
        file = fopen(path, "r");
        if (file == NULL)
                return -1;
        if (fscanf(file, "%ld", &number) != 1)
                number = -1;
        fclose(file);
        return number;
}

static bool same_core(int a, int b)
{
        return topology(a, "core_id") == topology(b, "core_id") &&
               topology(a, "physical_package_id") == topology(b, "physical_package_id");
}

void machine_choose_cpus(int ret_cpus[2])
{
        bool second_is_fine = false;

        ret_cpus[0] = ret_cpus[1] = -1;
        for (int cpu = 0; cpu < CPU_SETSIZE && !second_is_fine; cpu++) {
                if (!machine_has_cpu(cpu))
                        continue;
                if (ret_cpus[0] < 0) {
                        ret_cpus[0] = cpu;
                        continue;
                }
                second_is_fine = !same_core(ret_cpus[0], cpu);
                if (ret_cpus[1] < 0 || second_is_fine)
                        ret_cpus[1] = cpu;
        }
}
