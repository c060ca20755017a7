// Runs a program; prints the names of its functions in the order in which they are first executed on descriptor 3.
//
// Each function begins with a breakpoint, which goes when it is met. The program has to be linked statically and to have its
// symbols. What it starts is watched until it executes another program.
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct function {
    uint64_t at;
    const char *name;
    unsigned char first;
    char is_told;
};

static struct function *functions;
static size_t count;

static int by_address(const void *one, const void *other) {
    uint64_t a = ((const struct function *)one)->at, b = ((const struct function *)other)->at;
    return (a > b) - (a < b);
}

// Finds the functions of a program; returns whether it is loaded at an address of the kernel's choice.
static int read_functions(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        return -1;
    char *image = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (image == MAP_FAILED)
        return -1;
    const Elf64_Ehdr *header = (void *)image;
    const Elf64_Shdr *sections = (void *)(image + header->e_shoff);
    const char *section_names = image + sections[header->e_shstrndx].sh_offset;
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        const Elf64_Sym *symbols = (void *)(image + sections[i].sh_offset);
        const char *names = image + sections[sections[i].sh_link].sh_offset;
        size_t all = sections[i].sh_size / sizeof *symbols;
        functions = calloc(all, sizeof *functions);
        if (!functions)
            return -1;
        for (size_t j = 0; j < all; j++) {
            const Elf64_Sym *symbol = &symbols[j];
            if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || !symbol->st_size || symbol->st_shndx >= header->e_shnum)
                continue;
            const Elf64_Shdr *section = &sections[symbol->st_shndx];
            // What is elsewhere may be copied into other programs.
            if (strcmp(section_names + section->sh_name, ".text") == 0)
                functions[count++] = (struct function){symbol->st_value, names + symbol->st_name,
                    image[symbol->st_value - section->sh_addr + section->sh_offset], 0};
        }
    }
    qsort(functions, count, sizeof *functions, by_address);
    return header->e_type == ET_DYN;
}

static int memory_of(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    return open(path, O_RDWR | O_CLOEXEC);
}

static uint64_t base_of(pid_t process) {
    char path[64], line[4200];
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    FILE *maps = fopen(path, "re");
    uint64_t base = 0;
    // The first part of a file: the heap may lie before it.
    while (maps && !base && fgets(line, sizeof line, maps))
        if (strchr(line, '/'))
            base = strtoull(line, NULL, 16);
    if (maps)
        fclose(maps);
    return base;
}

// Takes a breakpoint away, and tells of its function; returns whether there was one.
static int meet(pid_t process, uint64_t base, FILE *output) {
    size_t place = offsetof(struct user_regs_struct, rip);
    uint64_t at = ptrace(PTRACE_PEEKUSER, process, place, 0) - 1;
    struct function key = {.at = at - base};
    struct function *found = bsearch(&key, functions, count, sizeof key, by_address);
    if (!found)
        return 0;
    while (found > functions && found[-1].at == found->at)
        found--;
    for (struct function *each = found; each < functions + count && each->at == found->at && !found->is_told; each++)
        fprintf(output, "%s\n", each->name);
    found->is_told = 1;
    int memory = memory_of(process);
    if (pwrite(memory, &found->first, 1, at) != 1)
        perror("pwrite");
    close(memory);
    ptrace(PTRACE_POKEUSER, process, place, at);
    return 1;
}

int main(int argument_count, char **arguments) {
    int moves = argument_count < 2 ? -1 : read_functions(arguments[1]);
    FILE *output = fdopen(3, "w");
    if (moves < 0 || !output)
        return 2;
    pid_t first = fork();
    if (first == 0) {
        close(3);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(arguments[1], arguments + 1);
        _exit(127);
    }
    int status;
    if (first < 0 || waitpid(first, &status, 0) != first || !WIFSTOPPED(status))
        return 1;
    uint64_t base = moves ? base_of(first) : 0;
    int memory = memory_of(first);
    const unsigned char breakpoint = 0xcc;
    for (size_t i = 0; i < count; i++)
        if (pwrite(memory, &breakpoint, 1, base + functions[i].at) != 1)
            perror("pwrite");
    close(memory);
    ptrace(PTRACE_SETOPTIONS, first, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
        | PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_CONT, first, 0, 0);
    for (pid_t process; (process = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (process == first)
                break;
            continue;
        }
        int event = status >> 16, signal = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC)
            ptrace(PTRACE_DETACH, process, 0, 0);
        else if (event || signal == SIGSTOP || (signal == SIGTRAP && meet(process, base, output)))
            ptrace(PTRACE_CONT, process, 0, 0);
        else
            ptrace(PTRACE_CONT, process, 0, signal);
    }
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: signal %d\n", arguments[1], WTERMSIG(status));
    return fclose(output) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
