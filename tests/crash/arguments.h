/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Command lines of the programs of this folder: options that take a value, often a list of what to run. */

#ifndef SEQCAST_TESTS_CRASH_ARGUMENTS_H
#define SEQCAST_TESTS_CRASH_ARGUMENTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENT_LETTERS 128

/** @param ret_given the values by the letters of the options; NULL where there is none */
static inline void arguments_take(int argc, char **argv, const struct option *known,
                                  const char *ret_given[ARGUMENT_LETTERS])
{
        int letter;

        for (int i = 0; i < ARGUMENT_LETTERS; i++)
                ret_given[i] = NULL;
        while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (letter == '?')
                        exit(2);
                ret_given[letter] = optarg;
        }
}

/** Is the word in "word,word,..."? No list names them all. */
static inline bool is_listed(const char *list, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = list; at != NULL && (at = strstr(at, word)) != NULL; at++)
                if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
                        return true;
        return list == NULL;
}

static inline bool is_number_listed(const char *list, unsigned long number)
{
        char word[24];

        snprintf(word, sizeof word, "%lu", number);
        return is_listed(list, word);
}

#endif
